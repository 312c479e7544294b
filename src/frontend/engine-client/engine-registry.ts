/**
 * What each engine said when it became ready: one frozen response per rank, in whatever order they come. What is said of
 * all of them together stands in ready-engines.ts; a capacity stays its own engine's.
 * Source: vllm/v1/engine/core_client.py MPClient._apply_ready_response (0.33.0), which folds the answers into one config
 * and so lets the first engine's capacity stand for all.
 */
import { StartupError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { ReadyEngines } from './ready-engines.ts';

export class EngineRegistry {
  readonly #expected: ReadonlySet<EngineIndex>;
  /** In order of arrival. */
  readonly #arrived = new Map<EngineIndex, EngineCoreReadyResponse>();
  /** Resolves with the last response, rejects with what `fail` is told, whether or not anybody waits by then. */
  readonly whenComplete: Promise<void>;
  #complete: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(ranks: readonly EngineIndex[]) {
    this.#expected = new Set(ranks);
    this.whenComplete = new Promise((resolve, reject) => {
      this.#complete = resolve;
      this.#fail = reject;
    });
    // Who waits gets the rejection; without anybody it must not end the process.
    this.whenComplete.catch(() => {});
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
    if (this.isComplete) this.#complete();
  }

  /** The start-up cannot succeed any more. */
  fail(error: StartupError): void {
    this.#fail(error);
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
