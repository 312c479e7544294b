/** One field of the ready response with an odd value fails that field's check, and no other field's. */
import { expect, it } from 'vitest';
import { ENGINE_CHECK_SPECS } from '../../../src/conform/engine/checks.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { VLLM_VERSION } from '../../../src/shared/version.ts';
import { failedIds, judgeEngines } from '../../support/conform-engine.ts';

const FIELDS = WIRE_VERSIONS[VLLM_VERSION].tables.engineCoreReadyResponse.fields;
const ONLY = ENGINE_CHECK_SPECS.map(({ id }) => id).filter((id) =>
  id.startsWith('engine.ready-response.'),
);
/** Of another type than any field has. */
const MISTYPED = [[1], { a: 1 }];
/** Numbers that cannot be, of the fields that are numbers. */
const IMPLAUSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  max_model_len: [0, -1],
  num_gpu_blocks: [0, -1],
  block_size: [0, -1],
  dtype: ['torch.bfloat16', ''],
  vllm_version: ['0.9.9', ''],
  world_size: [0, -1],
  data_parallel_size: [0, 7],
  tensor_parallel_size: [0, -1],
  pipeline_parallel_size: [0, -1],
  decode_context_parallel_size: [0, -1],
  data_parallel_rank: [3, -1],
  max_num_seqs: [0, -1],
  max_num_batched_tokens: [0, -1],
  instance_id: [''],
  max_loras: [-1, 4],
  mamba_block_size: [0, -16],
  kv_cache_size_tokens: [0, -1, 17, null],
  kv_cache_max_concurrency: [0, -1, 0.5, null],
  effective_attention_block_size: [0, -16],
  coord_store_port: [-1, 65_536],
};

it.each(FIELDS.map(({ wire }) => wire))('%s', async (field) => {
  const id = `engine.ready-response.${field}`;
  for (const value of [...MISTYPED, ...(IMPLAUSIBLE[field] ?? [])]) {
    // A map is what this field is.
    if (field === 'kv_events_config' && !Array.isArray(value)) continue;
    const faults = [{ fault: 'handshake.field', field, value }];
    const verdicts = await judgeEngines({ faults, only: ONLY });
    expect(failedIds(verdicts), JSON.stringify(value)).toEqual([id]);
  }
});
