/** From a document to checked workloads: fields by schema, then what only holds between fields. */
import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { checked, fieldPath, inFile } from '../../shared/schema.ts';
import { readJsonFile } from '../input-file.ts';
import {
  CONFIG_NAMES,
  TRACE,
  type TraceConfigRecord,
  type TraceRecord,
  type TraceRequestRecord,
} from './record.ts';
import { unexpected } from './unexpected.ts';

/** The workloads of a file. Throws E_BAD_FILE naming file, record, field, expectation and value. */
export function readTraces(file: string, warn: (message: string) => void): TraceRecord[] {
  const document = readJsonFile(file);
  try {
    return parseTraceRecords(document, (message) => warn(`${file}: ${message}`));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

/**
 * One record or `{"traces": [record, …]}`. Throws E_BAD_FILE naming record, field, expectation and value. Config fields
 * that are not known are ignored, with a word to `warn`.
 */
export function parseTraceRecords(
  document: unknown,
  warn: (message: string) => void = () => {},
): TraceRecord[] {
  if (!isJsonObject(document) || !('traces' in document)) return [parseTrace(document, '', warn)];
  const { traces } = document;
  if (!Array.isArray(traces)) throw unexpected('traces', 'an array of records', traces);
  return traces.map((trace: unknown, index) => parseTrace(trace, `traces[${index}]`, warn));
}

function parseTrace(value: unknown, path: string, warn: (message: string) => void): TraceRecord {
  const id = isJsonObject(value) && path !== '' ? value['id'] : undefined;
  try {
    const trace = checked(TRACE, value, { ...inFile('', path), noun: 'the record' });
    checkIds(trace.requests, path);
    checkSpecs(trace.config, path);
    for (const name of Object.keys(trace.config)) {
      if (!CONFIG_NAMES.has(name))
        warn(`${fieldPath(path, [`config.${name}`])}: no such field here, ignored`);
    }
    return { ...trace, ops: trace.ops ?? [] };
  } catch (error) {
    if (!(error instanceof ConfigError) || typeof id !== 'string') throw error;
    throw new ConfigError(error.code, `${id}, ${error.message}`, { cause: error });
  }
}

function checkIds(requests: readonly TraceRequestRecord[], path: string): void {
  const seen = new Set<string>();
  for (const [index, { id }] of requests.entries()) {
    if (seen.has(id))
      throw unexpected(
        fieldPath(path, ['requests', index, 'id']),
        'an id that is not taken yet',
        id,
      );
    seen.add(id);
  }
}

const WINDOW_FIELDS = {
  swa: 'window',
  swa_mla: 'window',
  chunked: 'chunk',
  full: null,
  mla: null,
  mamba: null,
} as const;

/** A window or chunk is only needed by the kind of layer that has one. */
function checkSpecs({ specs = [] }: TraceConfigRecord, path: string): void {
  for (const [index, { kind, window, chunk }] of specs.entries()) {
    const name = WINDOW_FIELDS[kind];
    if (name === null || { window, chunk }[name] !== undefined) continue;
    const place = fieldPath(path, ['config', 'specs', index, name]);
    throw unexpected(place, 'an integer of at least 1', undefined);
  }
}
