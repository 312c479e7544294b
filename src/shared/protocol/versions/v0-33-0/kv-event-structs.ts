/**
 * KV cache events, vLLM 0.33.0: fields in their order, with the defaults of those that may be left out.
 * Source: vllm/distributed/kv_events.py (0.33.0).
 */
import { ANY } from '../../declared-type.ts';
import {
  any,
  arrayOf,
  blockHash,
  declaredAs,
  float,
  int,
  intArray,
  nullable,
  str,
} from '../../field-types.ts';
import type { AllBlocksCleared, BlockRemoved, BlockStored, KVEventBatch } from '../../kv-events.ts';
import { taggedUnion } from '../../struct-codec.ts';
import { optional, required, type StructTable } from '../../struct-table.ts';

const blockStored: StructTable<BlockStored> = {
  name: 'BlockStored',
  layout: 'sparse',
  tag: 'BlockStored',
  fields: [
    required('block_hashes', arrayOf(blockHash, 'hashes')),
    required('parent_block_hash', nullable(blockHash)),
    required('token_ids', intArray),
    required('block_size', int),
    required('lora_id', nullable(int)),
    required('medium', nullable(str)),
    required('lora_name', nullable(str)),
    optional(
      'extra_keys',
      nullable(
        arrayOf(nullable(declaredAs({ kind: 'tuple', of: ANY }, arrayOf(any, 'keys'))), 'arrays'),
      ) as never,
      null,
    ),
    optional('group_idx', nullable(int), null),
    optional('kv_cache_spec_kind', nullable(str), null),
    optional('kv_cache_spec_sliding_window', nullable(int), null),
    optional('locality', nullable(str), null),
    optional('ownership', nullable(str), null),
    optional('session_id', nullable(str), null),
    optional('lookahead_token_ids', nullable(arrayOf(intArray, 'arrays')), null),
  ],
};

const blockRemoved: StructTable<BlockRemoved> = {
  name: 'BlockRemoved',
  layout: 'sparse',
  tag: 'BlockRemoved',
  fields: [
    required('block_hashes', arrayOf(blockHash, 'hashes')),
    required('medium', nullable(str)),
    optional('group_idx', nullable(int), null),
    optional('locality', nullable(str), null),
    optional('ownership', nullable(str), null),
  ],
};

const allBlocksCleared: StructTable<AllBlocksCleared> = {
  name: 'AllBlocksCleared',
  layout: 'sparse',
  tag: 'AllBlocksCleared',
  fields: [],
};

const kvCacheEvent = taggedUnion('KVCacheEvent', [
  'blockStored',
  'blockRemoved',
  'allBlocksCleared',
]);

const kvEventBatch: StructTable<KVEventBatch> = {
  name: 'KVEventBatch',
  layout: 'array',
  fields: [
    required('ts', float),
    required('events', arrayOf(kvCacheEvent, 'events')),
    optional('data_parallel_rank', nullable(int), null),
  ],
};

export const KV_EVENT_TABLES = {
  blockStored,
  blockRemoved,
  allBlocksCleared,
  kvEventBatch,
};
