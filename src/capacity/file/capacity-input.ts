/**
 * The planner's input as a file has it (`--kv-cache-specs`, the `input` of a case), checked whole before anything is
 * planned; and back.
 */
import * as v from 'valibot';
import {
  anyInteger,
  badField,
  boolean,
  fields,
  integer,
  oneOf,
  type Place,
  parse,
  string,
} from '../../shared/schema.ts';
import type { CapacityInput, PlannerConfig } from '../plan/capacity-input.ts';
import type { LayerSpecs } from '../plan/kv-cache-group.ts';
import { KV_CACHE_LAYOUTS } from '../plan/layout.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { SpecTable } from '../spec/spec-table.ts';
import type { CapacityInputRecord, PlannerConfigRecord } from './capacity-record.ts';
import { camelCase, camelKeys } from './snake-case.ts';
import { specToRecord } from './spec-record.ts';
import { layerSpec } from './spec-schema.ts';

/** The older names are known too. */
const LAYOUT_NAMES = [...KV_CACHE_LAYOUTS, 'NHD', 'HND'] as const;

const speculative = v.pipe(
  fields({ method: string, use_eagle_block_drop: v.optional(boolean, false) }),
  v.transform(camelKeys),
);

/** Numbers without which there is no plan are required; the rest has vLLM's default. */
const PLANNER_CONFIG = {
  max_model_len: integer(1),
  auto_fit_max_model_len: v.optional(boolean, false),
  max_num_batched_tokens: integer(1),
  max_num_seqs: integer(1),
  max_num_encoder_input_tokens: integer(),
  async_scheduling: v.optional(boolean, true),
  use_v2_model_runner: v.optional(boolean, true),
  max_concurrent_batches: v.optional(integer(1)),
  max_in_flight_tokens: integer(),
  num_speculative_tokens: v.optional(integer(), 0),
  num_prefill_lookahead_tokens: integer(),
  speculative: v.optional(v.nullable(speculative), null),
  disable_hybrid_kv_cache_manager: v.optional(boolean, false),
  enable_prefix_caching: v.optional(boolean, true),
  enable_chunked_prefill: v.optional(boolean, true),
  num_gpu_blocks_override: v.optional(v.nullable(integer()), null),
  prefix_match_unit: v.optional(v.nullable(integer(1)), null),
  mamba_cache_mode: v.optional(oneOf(['none', 'all', 'align']), 'none'),
  tensor_parallel_size: v.optional(integer(1), 1),
  pipeline_parallel_size: integer(1),
  decode_context_parallel_size: integer(1),
  cp_kv_cache_interleave_size: integer(1),
  cache_dtype: v.optional(string, 'auto'),
  initial_block_size: integer(1),
};

const plannerConfig = v.pipe(
  fields(PLANNER_CONFIG),
  v.transform((values): PlannerConfig => {
    // One batch a pipeline stage, and one more where the next step is scheduled while the last one runs.
    const numBatches = values.pipeline_parallel_size + (values.async_scheduling ? 1 : 0);
    const max_concurrent_batches = values.max_concurrent_batches ?? numBatches;
    return camelKeys({ ...values, max_concurrent_batches });
  }),
);

const layer = v.tuple([string, integer()], '[layer name, spec index]');
const workersExpected = 'a list of at least one worker';

const capacityInput = fields({
  config: plannerConfig,
  layout: fields({
    supported: v.array(oneOf(LAYOUT_NAMES), 'a list of layouts'),
    requested: v.optional(v.nullable(string), null),
  }),
  spec_table: v.array(layerSpec, 'a list of specs'),
  layer_sets: v.array(
    v.array(layer, 'a list of [layer name, spec index]'),
    'a list of lists of [layer name, spec index]',
  ),
  workers: v.pipe(
    v.array(fields({ layer_set: integer(), available_memory: anyInteger() }), workersExpected),
    v.minLength(1, workersExpected),
  ),
});

/** Throws E_BAD_FILE naming the field that is missing, of another type, out of bounds or points to nothing. */
export function parseCapacityInput(value: unknown, place: Place): CapacityInput {
  const { config, layout, spec_table, layer_sets, workers } = parse(capacityInput, value, place);
  const layerSets = layer_sets.map((layers, set) => {
    const specs = new Map<string, KVCacheSpec>();
    for (const [index, [name, specIndex]] of layers.entries()) {
      const keys = ['layer_sets', set, index];
      const spec = spec_table[specIndex];
      if (spec === undefined) {
        throw badField(place, [...keys, 1], specIndex, indexOf('spec_table', spec_table));
      }
      if (specs.has(name)) {
        throw badField(place, [...keys, 0], name, 'a name of its own: another layer has it');
      }
      specs.set(name, spec);
    }
    return specs;
  });
  return {
    config,
    layout,
    workers: workers.map(({ layer_set, available_memory }, index) => {
      const layers: LayerSpecs | undefined = layerSets[layer_set];
      if (layers !== undefined) return { layers, availableMemory: available_memory };
      const keys = ['workers', index, 'layer_set'];
      throw badField(place, keys, layer_set, indexOf('layer_sets', layerSets));
    }),
  };
}

function indexOf(name: string, list: readonly unknown[]): string {
  return list.length === 0
    ? `an index of ${name}, which is empty`
    : `an index of ${name} (0 to ${list.length - 1})`;
}

/** The numbers in vLLM's names. */
export function plannerConfigToRecord(config: PlannerConfig): PlannerConfigRecord {
  const values: Readonly<Record<string, unknown>> = { ...config };
  const { speculative: draft } = config;
  const entries = Object.keys(PLANNER_CONFIG).map((name) => [name, values[camelCase(name)]]);
  // The schema has the names of PlannerConfigRecord, in the order in which they are printed.
  return {
    ...Object.fromEntries(entries),
    speculative:
      draft === null
        ? null
        : { method: draft.method, use_eagle_block_drop: draft.useEagleBlockDrop },
  } as PlannerConfigRecord;
}

/** The file that would be read as this input. */
export function capacityInputToRecord(input: CapacityInput): CapacityInputRecord {
  const table = new SpecTable();
  const sets = [...new Set(input.workers.map(({ layers }) => layers))];
  const layerSets = sets.map((layers) =>
    [...layers].map(([name, spec]) => [name, table.indexOf(spec)] as const),
  );
  return {
    config: plannerConfigToRecord(input.config),
    layout: input.layout,
    spec_table: table.specs.map(specToRecord),
    layer_sets: layerSets,
    workers: input.workers.map(({ layers, availableMemory }) => ({
      layer_set: sets.indexOf(layers),
      available_memory: availableMemory,
    })),
  };
}
