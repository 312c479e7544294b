import { pythonDumps } from '../../../../shared/python/json-dumps.ts';
import { get, isDict, type PyDict, type PyValue } from '../../../../shared/python/values.ts';
import { tryJson } from '../schema-coercion.ts';

/** A call's name and its arguments as JSON. */
export interface CallEnvelope {
  readonly name: string;
  readonly args: string;
}

/** `{"name": …, "arguments": …}`; another text is arguments without a name. Source: ParserEngine._extract_name_and_args. */
export function readEnvelope(raw: string): CallEnvelope {
  const body = raw.trim();
  const parsed = tryJson(body);
  if (!isDict(parsed)) return { name: '', args: body };
  const name = get(parsed, 'name');
  return { name: typeof name === 'string' ? name : '', args: argsOf(parsed) };
}

function argsOf(call: PyDict): string {
  for (const key of ['arguments', 'parameters']) {
    if (!Object.hasOwn(call, key)) continue;
    const value = call[key] as PyValue;
    return typeof value === 'string' ? value : pythonDumps(value);
  }
  const { name: _name, ...rest } = call;
  return pythonDumps(rest);
}
