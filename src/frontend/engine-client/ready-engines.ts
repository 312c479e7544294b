/**
 * What is said of all ready engines together: pure functions over their responses. A capacity stays its own engine's;
 * only blocks are ever summed.
 */
import { assert } from '../../shared/assert.ts';
import { StartupError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';

export type ReadyEngines = ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;

/** The blocks of all engines together, null blocks included: the only capacity that is ever summed. */
export function getTotalNumGpuBlocks(engines: ReadyEngines): number {
  let total = 0;
  for (const { numGpuBlocks } of engines.values()) total += numGpuBlocks;
  return total;
}

/** The longest request that every engine takes. */
export function getMinMaxModelLen(engines: ReadyEngines): number {
  assert(engines.size > 0, 'no engine is ready');
  return Math.min(...[...engines.values()].map(({ maxModelLen }) => maxModelLen));
}

/** The engines' common value; the smallest where they differ. */
export function getBlockSize(engines: ReadyEngines): number {
  assert(engines.size > 0, 'no engine is ready');
  return Math.min(...[...engines.values()].map(({ blockSize }) => blockSize));
}

/** Null unless all engines agree. */
export function getEffectiveAttentionBlockSize(engines: ReadyEngines): number | null {
  const sizes = new Set([...engines.values()].map((r) => r.effectiveAttentionBlockSize));
  const [size = null] = sizes;
  return sizes.size === 1 ? size : null;
}

/** Where the coordinator publishes, for frontends whose engines learnt it from the frontend of rank 0. */
export function getDpStatsAddress(engines: ReadyEngines): string | null {
  let found: string | null = null;
  for (const [index, { dpStatsAddress }] of engines) {
    if (dpStatsAddress === null || dpStatsAddress === found) continue;
    if (found !== null) {
      throw new StartupError(
        'E_HANDSHAKE',
        `Engine ${index} names the coordinator at ${dpStatsAddress}, an earlier engine at ${found}`,
      );
    }
    found = dpStatsAddress;
  }
  return found;
}
