/**
 * What each engine said when it became ready: one frozen response per rank, in whatever order they come. Everything that
 * is about all engines together is a pure function over it; a capacity stays its own engine's.
 * Source: vllm/v1/engine/core_client.py MPClient._apply_ready_response (0.33.0), which folds the answers into one config
 * and so lets the first engine's capacity stand for all.
 */
import { assert } from '../../shared/assert.ts';
import { StartupError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';

export type ReadyEngines = ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;

export class EngineRegistry {
  readonly #expected: ReadonlySet<EngineIndex>;
  /** In order of arrival. */
  readonly #arrived = new Map<EngineIndex, EngineCoreReadyResponse>();

  constructor(ranks: readonly EngineIndex[]) {
    this.#expected = new Set(ranks);
  }

  /** Throws E_HANDSHAKE for a rank that is not expected or has answered before. */
  add(index: EngineIndex, response: EngineCoreReadyResponse): void {
    if (!this.#expected.has(index)) {
      throw new StartupError(
        'E_HANDSHAKE',
        `Ready response from engine with unexpected data parallel rank: ${index}`,
      );
    }
    if (this.#arrived.has(index)) {
      throw new StartupError('E_HANDSHAKE', `Second ready response from engine ${index}`);
    }
    this.#arrived.set(index, Object.freeze(response));
  }

  get isComplete(): boolean {
    return this.#arrived.size === this.#expected.size;
  }

  get missingRanks(): readonly EngineIndex[] {
    return [...this.#expected].filter((index) => !this.#arrived.has(index));
  }

  /** In the order in which they reported. */
  get enginesByArrival(): ReadyEngines {
    return this.#arrived;
  }

  /** In rank order. */
  get engines(): ReadyEngines {
    return new Map([...this.#arrived].sort(([a], [b]) => a - b));
  }
}

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
