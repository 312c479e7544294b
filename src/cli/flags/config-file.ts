/** `--config FILE.yaml`: a map of flags to values. */
import * as v from 'valibot';
import { parse } from 'yaml';
import { type RecordSettings, settingsFromRecord } from '../../shared/config/resolve-args.ts';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { inFile, parse as parseWith } from '../../shared/schema.ts';
import { readTextFile } from '../input-file.ts';

const CONFIG_FILE = v.pipe(
  v.custom<Readonly<Record<string, unknown>>>(
    isJsonObject,
    'a map of flags, e.g. max-model-len: 8192',
  ),
  v.record(
    v.string(),
    v.custom(isJsonValue, 'a value that JSON can hold, without references to itself'),
  ),
);

/** Throws E_BAD_FILE for a file that cannot be read, is no YAML or no map; E_UNKNOWN_FLAG for a key that is no flag. */
export function readConfigFile(file: string): RecordSettings {
  const where = `--config ${file}`;
  const text = readTextFile(file, where);
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch (cause) {
    const [reason = ''] = reasonOf(cause).split('\n');
    throw new ConfigError('E_BAD_FILE', `${where}: cannot be read as YAML (${reason})`, { cause });
  }
  if (parsed === null) return { settings: new Map(), ignored: [] };
  return settingsFromRecord(parseWith(CONFIG_FILE, parsed, inFile(where)), file);
}

/** YAML has values that JSON has not: references to a map from inside it, for one. */
function isJsonValue(value: unknown): boolean {
  try {
    return value === undefined || JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}
