import { describe, expect, it } from 'vitest';
import {
  capacityInputToRecord,
  parseCapacityInput,
} from '../../../../src/capacity/file/capacity-input.ts';
import type { CapacityInputRecord } from '../../../../src/capacity/file/capacity-record.ts';
import { inFile } from '../../../../src/shared/schema.ts';
import { createCapacityInput, createCapacityRecord } from '../../../support/capacity-input.ts';

function parse(value: unknown) {
  return parseCapacityInput(value, inFile('layers.json', 'input'));
}

/** The record with the value at `path` replaced; undefined removes it. */
function edited(path: readonly (string | number)[], value: unknown): unknown {
  const record: unknown = structuredClone(createCapacityRecord());
  const holder = path
    .slice(0, -1)
    .reduce((parent, key) => (parent as Record<string, unknown>)[key], record);
  const last = path.at(-1) ?? '';
  if (value === undefined) delete (holder as Record<string, unknown>)[last];
  else (holder as Record<string, unknown>)[last] = value;
  return record;
}

describe('parseCapacityInput', () => {
  it('reads back what was written', () => {
    const input = createCapacityInput({ config: { speculative: draft }, requested: 'BLHNC' });
    expect(parse(capacityInputToRecord(input))).toEqual(input);
  });
  const draft = { method: 'eagle3', useEagleBlockDrop: true };

  it("fills in vLLM's defaults for what has one", () => {
    const record = createCapacityRecord();
    const { max_model_len, max_num_batched_tokens, max_num_seqs, ...rest } = record.config;
    const required = {
      max_model_len,
      max_num_batched_tokens,
      max_num_seqs,
      max_num_encoder_input_tokens: rest.max_num_encoder_input_tokens,
      max_concurrent_batches: rest.max_concurrent_batches,
      max_in_flight_tokens: rest.max_in_flight_tokens,
      num_prefill_lookahead_tokens: 0,
      pipeline_parallel_size: 1,
      decode_context_parallel_size: 1,
      cp_kv_cache_interleave_size: 1,
      initial_block_size: 16,
    };
    expect(parse({ ...record, config: required })).toEqual(createCapacityInput({}));
  });

  it('takes a quantization mode by its name, its number and the older name', () => {
    const modeOf = (kv_quant_mode: string | number) => {
      const { workers } = parse(edited(['spec_table', 0, 'kv_quant_mode'], kv_quant_mode));
      const [spec] = workers[0]?.layers.values() ?? [];
      return spec !== undefined && 'kvQuantMode' in spec ? spec.kvQuantMode : null;
    };
    expect([modeOf('nvfp4'), modeOf(5), modeOf('custom')]).toEqual([
      'nvfp4',
      'nvfp4',
      'octave_k3v4',
    ]);
  });

  it('keeps memory below nothing: the planner has an answer to it', () => {
    const { workers } = parse(edited(['workers', 0, 'available_memory'], -5));
    expect(workers[0]?.availableMemory).toBe(-5);
  });

  const layer = 'model.layers.0.attn';
  it.each<[string, readonly (string | number)[], unknown, string]>([
    [
      'a config without numbers',
      ['config'],
      {},
      'config.max_model_len is missing, not an integer of at least 1',
    ],
    ['no config', ['config'], undefined, 'config is missing, not an object'],
    [
      'a number as text',
      ['config', 'max_model_len'],
      '10',
      'config.max_model_len is "10", not an integer of at least 1',
    ],
    [
      'no length',
      ['config', 'max_model_len'],
      0,
      'config.max_model_len is 0, not an integer of at least 1',
    ],
    [
      'a number that JSON reads as infinite',
      ['config', 'max_in_flight_tokens'],
      Number.POSITIVE_INFINITY,
      'config.max_in_flight_tokens is Infinity, not an integer of at least 0',
    ],
    [
      'a number beyond 2^53',
      ['config', 'max_num_seqs'],
      2 ** 60,
      'config.max_num_seqs is 1152921504606847000, not an integer of at least 1',
    ],
    [
      'a half',
      ['config', 'initial_block_size'],
      1.5,
      'config.initial_block_size is 1.5, not an integer of at least 1',
    ],
    [
      'a flag that is none',
      ['config', 'enable_prefix_caching'],
      1,
      'config.enable_prefix_caching is 1, not true or false',
    ],
    [
      'a draft without a method',
      ['config', 'speculative'],
      {},
      'config.speculative.method is missing, not a string',
    ],
    [
      'an unknown mode',
      ['config', 'mamba_cache_mode'],
      'some',
      'config.mamba_cache_mode is "some", not one of none, all, align',
    ],
    [
      'an unknown layout',
      ['layout', 'supported', 1],
      'XYZ',
      'layout.supported[1] is "XYZ", not one of LBHNC, LBNHC, LHBNC, BLHNC, BLNHC, BHLNC, NHD, HND',
    ],
    ['a spec that is no object', ['spec_table', 0], 7, 'spec_table[0] is 7, not an object'],
    [
      'a spec without a kind',
      ['spec_table', 0, 'kind'],
      undefined,
      'spec_table[0].kind is missing, not one of full_attention, ',
    ],
    [
      'an unknown kind',
      ['spec_table', 0, 'kind'],
      'constructor',
      'spec_table[0].kind is "constructor", not one of full_attention, ',
    ],
    [
      'a window without a width',
      ['spec_table', 0, 'kind'],
      'sliding_window',
      'spec_table[0].sliding_window is missing, not an integer of at least 0',
    ],
    [
      'a state without shapes',
      ['spec_table', 0, 'kind'],
      'mamba',
      'spec_table[0].shapes is missing, not a list of shapes',
    ],
    [
      'an unknown dtype',
      ['spec_table', 0, 'dtype'],
      'fp9',
      'spec_table[0].dtype is "fp9", not a torch dtype',
    ],
    [
      'blocks of nothing',
      ['spec_table', 0, 'block_size'],
      0,
      'spec_table[0].block_size is 0, not an integer of at least 1',
    ],
    [
      'a fraction over nothing',
      ['spec_table', 0, 'tokens_per_state'],
      { fraction: [1, 0] },
      'spec_table[0].tokens_per_state is {"fraction":[1,0]}, not an integer of at least 0, or {"fraction"',
    ],
    [
      'an unknown quantization mode',
      ['spec_table', 0, 'kv_quant_mode'],
      99,
      'spec_table[0].kv_quant_mode is 99, not one of none, ',
    ],
    [
      'a layer of no spec',
      ['layer_sets', 0, 0, 1],
      7,
      'layer_sets[0][0][1] is 7, not an index of spec_table (0 to 0)',
    ],
    [
      'a layer that is no pair',
      ['layer_sets', 0, 0],
      [layer],
      'layer_sets[0][0][1] is missing, not an integer of at least 0',
    ],
    [
      'a layer twice',
      ['layer_sets', 0, 1],
      [layer, 0],
      `layer_sets[0][1][0] is "${layer}", not a name of its own: another layer has it`,
    ],
    [
      'a worker of no layer set',
      ['workers', 0, 'layer_set'],
      3,
      'workers[0].layer_set is 3, not an index of layer_sets (0 to 0)',
    ],
    [
      'a worker with half a byte',
      ['workers', 0, 'available_memory'],
      0.5,
      'workers[0].available_memory is 0.5, not an integer',
    ],
    ['no workers', ['workers'], [], 'workers is [], not a list of at least one worker'],
  ])('refuses %s', (_, path, value, problem) => {
    expect(() => parse(edited(path, value))).toThrow(`layers.json: input.${problem}`);
  });

  it('says index of an empty table where there is none', () => {
    expect(() => parse(edited(['spec_table'], []))).toThrow(
      'input.layer_sets[0][0][1] is 0, not an index of spec_table, which is empty',
    );
  });
});

describe('capacityInputToRecord', () => {
  it('writes a layer set once for the workers that share it', () => {
    const record: CapacityInputRecord = createCapacityRecord({ availableMemory: [1, 2] });
    expect(record.layer_sets).toHaveLength(1);
    expect(record.workers).toEqual([
      { layer_set: 0, available_memory: 1 },
      { layer_set: 0, available_memory: 2 },
    ]);
  });

  it('leaves out what has its default', () => {
    expect(createCapacityRecord().spec_table).toEqual([
      {
        kind: 'full_attention',
        block_size: 16,
        num_kv_heads: 8,
        head_size: 128,
        dtype: 'bfloat16',
        head_size_v: 128,
      },
    ]);
  });
});
