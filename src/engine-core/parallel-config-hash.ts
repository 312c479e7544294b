import { createHash } from 'node:crypto';
import type { EngineArgs } from '../shared/config/registry.ts';

/**
 * A digest of what data-parallel ranks of one model must have in common; the frontend refuses a rank with another one.
 * Source: vllm/config/parallel.py ParallelConfig.compute_hash (0.33.0).
 */
export function computeParallelConfigHash(args: EngineArgs): string {
  const factors = {
    tensor_parallel_size: args.tensorParallelSize,
    pipeline_parallel_size: args.pipelineParallelSize,
    decode_context_parallel_size: args.decodeContextParallelSize,
    data_parallel_size: args.dataParallelSize,
    enable_expert_parallel: args.enableExpertParallel,
  };
  return createHash('sha256').update(JSON.stringify(factors)).digest('hex');
}
