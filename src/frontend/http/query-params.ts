/** Query parameters checked as FastAPI checks them: the same conversions, the same 400. Pure. */
import type { PyDict, PyValue } from '../../shared/python/values.ts';
import { requestSchemaHooks } from '../openai/request-checks.ts';
import { requestValidationError } from '../openai/validation-message.ts';
import type { SchemaFields } from '../pydantic/schema-node.ts';
import { SchemaValidator } from '../pydantic/schema-validator.ts';

/** Checks one set of parameters. The last of several values with one name counts. */
export function createQueryParser(fields: SchemaFields): (query: unknown) => PyDict {
  const validator = new SchemaValidator(
    { root: { t: 'typed-dict', name: 'query', extra: 'ignore', f: fields }, defs: {} },
    requestSchemaHooks,
  );
  return (query) => {
    const input: Record<string, PyValue> = {};
    for (const [name, value] of Object.entries(
      (query ?? {}) as Record<string, string | string[]>,
    )) {
      input[name] = Array.isArray(value) ? (value.at(-1) ?? '') : value;
    }
    const result = validator.validate(input, undefined, ['query']);
    if (!result.ok) throw requestValidationError(result.errors);
    return result.value as PyDict;
  };
}
