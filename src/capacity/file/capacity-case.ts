/**
 * Records of the golden format as they come from a file: checked as far as the planner relies on them.
 */
import { ConfigError } from '../../shared/errors.ts';
import type { CapacityInputRecord } from './capacity-input.ts';

export interface CapacityCase {
  readonly id: string;
  readonly input: CapacityInputRecord;
}

/** One record or `{"cases": [record, …]}`. Throws E_BAD_FILE naming file and field. */
export function parseRecords(json: unknown, file: string): readonly Record<string, unknown>[] {
  const list = isObject(json) && 'cases' in json ? json['cases'] : json;
  const records: unknown[] = Array.isArray(list) ? list : [list];
  return records.map((record, index) => {
    if (!isObject(record)) throw badFile(file, `case ${index}`, 'is no object');
    if (typeof record['id'] !== 'string') throw badFile(file, `case ${index}`, 'has no id');
    return record;
  });
}

/** Throws E_BAD_FILE naming the field that is missing or of another type. */
export function parseCapacityCase(record: Record<string, unknown>, file: string): CapacityCase {
  const id = String(record['id']);
  return { id, input: parseCapacityInput(record['input'], `${file}: case ${id}`) };
}

/** The planning problem of a record or of a `--kv-cache-specs` file. */
export function parseCapacityInput(value: unknown, where: string): CapacityInputRecord {
  const input = object(value, where, 'input');
  const config = object(input['config'], where, 'input.config');
  for (const name of NUMBERS) {
    if (!Number.isSafeInteger(config[name])) {
      throw badFile(where, `input.config.${name}`, `is ${show(config[name])}, not an integer`);
    }
  }
  const layout = object(input['layout'], where, 'input.layout');
  array(layout['supported'], where, 'input.layout.supported');
  const specs = array(input['spec_table'], where, 'input.spec_table');
  for (const [index, spec] of specs.entries()) object(spec, where, `input.spec_table[${index}]`);
  const layerSets = array(input['layer_sets'], where, 'input.layer_sets');
  for (const [index, layers] of layerSets.entries()) {
    const name = `input.layer_sets[${index}]`;
    for (const layer of array(layers, where, name)) {
      const [layerName, spec] = array(layer, where, name);
      const isLayer = typeof layerName === 'string' && typeof spec === 'number' && spec in specs;
      if (!isLayer) throw badFile(where, name, `has ${show(layer)}, not [layer name, spec index]`);
    }
  }
  for (const [index, worker] of array(input['workers'], where, 'input.workers').entries()) {
    const name = `input.workers[${index}]`;
    const { layer_set, available_memory } = object(worker, where, name);
    if (typeof layer_set !== 'number' || !(layer_set in layerSets)) {
      throw badFile(where, `${name}.layer_set`, `is ${show(layer_set)}, no index of layer_sets`);
    }
    if (!Number.isSafeInteger(available_memory)) {
      throw badFile(where, `${name}.available_memory`, `is ${show(available_memory)}, not bytes`);
    }
  }
  return input as unknown as CapacityInputRecord;
}

/** The config numbers without which there is no plan. */
const NUMBERS = [
  'max_model_len',
  'max_in_flight_tokens',
  'max_num_encoder_input_tokens',
  'num_prefill_lookahead_tokens',
  'initial_block_size',
  'pipeline_parallel_size',
  'decode_context_parallel_size',
  'cp_kv_cache_interleave_size',
] as const;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown, where: string, field: string): Record<string, unknown> {
  if (!isObject(value)) throw badFile(where, field, `is ${show(value)}, not an object`);
  return value;
}

function array(value: unknown, where: string, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badFile(where, field, `is ${show(value)}, not a list`);
  return value;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}

function badFile(where: string, field: string, problem: string): ConfigError {
  return new ConfigError('E_BAD_FILE', `${where}: ${field} ${problem}`);
}
