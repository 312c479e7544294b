/** An engine of a twin, whichever way the twin is asked. */
import { TwinError } from '../shared/errors.ts';
import type { ActiveFault } from '../shared/faults/fault-api.ts';
import type { EngineState } from '../shared/twin-api/state.ts';
import type { EngineCapacity, Twin, TwinEngine } from './twin.ts';

/** What an engine's calls come down to. */
export interface FaultCalls extends Pick<Twin, 'inject'> {
  activeFaults(): Promise<readonly ActiveFault[]>;
  /** Does nothing where it is over. */
  clear(handle: string): Promise<void>;
}

export function engineOf(faults: FaultCalls, state: EngineState): TwinEngine {
  const { rank } = state;
  return {
    rank,
    capacity: capacityOf(state),
    kill: async () => {
      try {
        await faults.inject({ fault: 'engine.kill', engine: rank });
      } catch (error) {
        // The server may end with its engine before it has answered.
        if (!(error instanceof TwinError && error.code === 'E_UNAVAILABLE')) throw error;
      }
    },
    hang: (options = {}) => faults.inject({ fault: 'engine.hang', engine: rank, ...options }),
    // Whoever made it hang: the handle may be another's.
    resume: async () => {
      for (const { handle, fault, engine } of await faults.activeFaults())
        if (fault === 'engine.hang' && engine === rank) await faults.clear(handle);
    },
  };
}

function capacityOf(state: EngineState): EngineCapacity {
  const ready = state.ready_response ?? {};
  return {
    gpu: state.gpu,
    numGpuBlocks: Number(ready['num_gpu_blocks']),
    blockSize: Number(ready['block_size']),
    maxModelLen: Number(ready['max_model_len']),
    kvCacheSizeTokens: state.kv_cache_size_tokens,
    kvCacheMaxConcurrency: state.kv_cache_max_concurrency,
  };
}
