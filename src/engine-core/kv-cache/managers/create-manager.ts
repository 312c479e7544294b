/** Which manager serves a spec. Source: vllm/v1/core/single_type_kv_cache_manager.py get_manager_for_kv_cache_spec. */

import type { KVCacheSpec } from '../../../capacity/spec/spec.ts';
import { maxAdmissionBlocksPerRequest } from '../../../capacity/spec/spec-traits.ts';
import { unreachable } from '../../../shared/assert.ts';
import type { DraftCaching } from '../draft-caching.ts';
import type { BlockPool } from '../pool/block-pool.ts';
import {
  CircularBufferManager,
  CrossAttentionManager,
  FullAttentionManager,
  RSWAManager,
} from './full-attention-manager.ts';
import { MambaManager } from './mamba-manager.ts';
import type { SingleTypeKVCacheManager } from './single-type-kv-cache-manager.ts';
import { ChunkedLocalAttentionManager, SlidingWindowManager } from './windowed-managers.ts';

export interface ManagerContext {
  readonly blockPool: BlockPool;
  readonly enableCaching: boolean;
  readonly schedulerBlockSize: number;
  readonly maxInFlightTokens: number;
  readonly maxModelLen: number;
  readonly draftCaching: DraftCaching;
}

export function createManager(
  spec: KVCacheSpec,
  group: number,
  context: ManagerContext,
): SingleTypeKVCacheManager {
  const { blockPool, enableCaching, schedulerBlockSize } = context;
  const common = { blockPool, enableCaching, schedulerBlockSize, group };
  switch (spec.kind) {
    case 'full_attention':
    case 'mla_attention':
    case 'hidden_state_cache':
    case 'sink_full_attention':
      return new FullAttentionManager({ ...common, spec });
    case 'rswa':
      return new RSWAManager({ ...common, spec });
    case 'circular_buffer':
      return new CircularBufferManager({ ...common, spec });
    case 'cross_attention':
      return new CrossAttentionManager({ ...common, spec });
    case 'sliding_window':
    case 'sliding_window_mla': {
      const maxAdmissionBlocks = maxAdmissionBlocksPerRequest(spec, context);
      return new SlidingWindowManager({ ...common, spec, maxAdmissionBlocks });
    }
    case 'chunked_local_attention': {
      const maxAdmissionBlocks = maxAdmissionBlocksPerRequest(spec, context);
      return new ChunkedLocalAttentionManager({ ...common, spec, maxAdmissionBlocks });
    }
    case 'mamba':
      return new MambaManager({ ...common, spec, draftCaching: context.draftCaching });
    case 'encoder_only_attention':
      return unreachable('encoder-only attention has no KV cache group' as never);
  }
}
