/**
 * Capacity cases as a file has them: one record, a list of them, or `{"cases": [record, …]}`.
 */
import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { inFile } from '../../shared/schema.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import { parseCapacityInput } from './capacity-input.ts';

/** A record with nothing but its name checked. */
export interface CaseRecord {
  readonly id: string;
  readonly record: JsonObject;
}

/** Throws E_BAD_FILE naming the file and the record that is none. */
export function parseRecords(json: unknown, file: string): readonly CaseRecord[] {
  const list = isJsonObject(json) && 'cases' in json ? json['cases'] : json;
  const records: unknown[] = Array.isArray(list) ? list : [list];
  return records.map((record, index) => {
    const refuse = (problem: string): never => {
      throw new ConfigError('E_BAD_FILE', `${file}: case ${index} ${problem}`);
    };
    if (!isJsonObject(record)) return refuse('is no object');
    const { id } = record;
    return typeof id === 'string' ? { id, record } : refuse('has no id');
  });
}

/** The planning problem of a record. Throws E_BAD_FILE naming the field. */
export function parseCapacityCase({ id, record }: CaseRecord, file: string): CapacityInput {
  return parseCapacityInput(record['input'], inFile(`${file}: case ${id}`, 'input'));
}
