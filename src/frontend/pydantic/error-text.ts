/** pydantic's own `str(ValidationError)`. Pure. Source: pydantic-core src/errors/validation_exception.rs. */
import { pyRepr } from '../../shared/python/str.ts';
import { type PyValue, pyTypeName } from '../../shared/python/values.ts';
import type { LineError } from './validation-walk.ts';

/** As a lazily checked message list raises it; `title` is the validator's name. */
export function pydanticErrorText(title: string, errors: readonly LineError[]): string {
  const count = errors.length;
  const lines = errors.map(({ loc, msg, type, input }) => {
    const place = loc.length === 0 ? '' : `${loc.join('.')}\n`;
    return (
      `${place}  ${msg} [type=${type}, input_value=${shortRepr(input)}, input_type=${pyTypeName(input)}]\n` +
      `    For further information visit https://errors.pydantic.dev/2.14/v/${type}`
    );
  });
  return `${count} validation error${count === 1 ? '' : 's'} for ${title}\n${lines.join('\n')}`;
}

function shortRepr(input: PyValue): string {
  const text = [...pyRepr(input)];
  return text.length <= 50
    ? text.join('')
    : `${text.slice(0, 25).join('')}...${text.slice(-24).join('')}`;
}
