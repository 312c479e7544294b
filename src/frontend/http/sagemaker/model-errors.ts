/** Faults of a body as pydantic's own JSON shows them. Source: pydantic ValidationError.json(include_url=False). */
import { compactDumps } from '../../../shared/python/json-compact.ts';
import type { PyValue } from '../../../shared/python/values.ts';
import type { LineError } from '../../pydantic/validation-walk.ts';
import { HttpException } from '../error-handler.ts';

const VALUE_ERROR = 'Value error, ';
const EXPECTED = 'Input should be ';

export function modelErrors(errors: readonly LineError[]): HttpException {
  return new HttpException(400, `[${errors.map(errorJson).join(',')}]`);
}

/** A body that is no object at all. */
export function noModel(name: string, input: PyValue): HttpException {
  const msg = `Input should be a valid dictionary or instance of ${name}`;
  return new HttpException(
    400,
    `[{"type":"model_type","loc":[],"msg":${JSON.stringify(msg)},"input":${compactDumps(input)},"ctx":{"class_name":"${name}"}}]`,
  );
}

function errorJson({ type, loc, msg, input }: LineError): string {
  const ctx =
    type === 'value_error'
      ? `,"ctx":{"error":${JSON.stringify(msg.slice(VALUE_ERROR.length))}}`
      : type === 'enum'
        ? `,"ctx":{"expected":${JSON.stringify(msg.slice(EXPECTED.length))}}`
        : '';
  return `{"type":"${type}","loc":${JSON.stringify(loc)},"msg":${JSON.stringify(msg)},"input":${compactDumps(input)}${ctx}}`;
}
