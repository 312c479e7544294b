/**
 * What an engine core shows of its inside, as the utility methods of our own names. It looks from outside: the scheduler and
 * the KV cache tell it what it has to hear through observers that are set while somebody looks, and cleared after.
 */

import type { Injection } from '../../shared/faults/injection.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { WATCH_MS } from '../../shared/tap/process-frames.ts';
import type { Tap } from '../../shared/tap/tap.ts';
import type {
  BlockMap,
  BlockView,
  ClockState,
  EngineAbout,
  EngineFrames,
  EngineSteps,
  RequestView,
} from '../../shared/twin-api/engine-views.ts';
import type { EngineCoreParts } from '../engine-core-parts.ts';
import type { EngineFaults } from '../faults/engine-faults.ts';
import { FaultError } from '../faults/fault-error.ts';
import { PendingResult } from '../pending-result.ts';
import { UtilityError } from '../utility-error.ts';
import { blockMap, blockView, MAX_REQUEST_IDS, requestView } from './block-views.ts';
import { frameView } from './frame-view.ts';
import { StepRecorder } from './step-recorder.ts';
import { waitingNow } from './waiting-reasons.ts';

/** Blocks that prefix hits took, between two looks. */
export const MAX_RECENT_HITS = 1_000;

/** What a process knows of its engine besides the engine's own parts. */
export interface EngineFacts {
  readonly gpu: string;
  readonly model: string;
  /** The JSON of `explain`; loaded when it is asked for. */
  readonly explain: () => Promise<unknown>;
}

export interface EngineViewsOptions {
  readonly parts: EngineCoreParts;
  readonly tap: Tap;
  readonly facts: EngineFacts;
  readonly faults: EngineFaults;
  /** An answer is there that was not when it was asked for: to be sent. */
  readonly onAnswer: () => void;
}

export class EngineViews {
  readonly #options: EngineViewsOptions;
  readonly #recorder: StepRecorder;
  readonly #recentHits = new Set<number>();
  #watchedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: EngineViewsOptions) {
    this.#options = options;
    this.#recorder = new StepRecorder(options.parts.scheduler.state, () => this.#isWatched());
  }

  /** Whoever asks this has the page open: what happens from now on is there when its tabs are opened. */
  about(): EngineAbout {
    this.#watch();
    const { parts, tap, facts } = this.#options;
    const { running, waiting, kvCacheManager } = parts.scheduler.state;
    return {
      process: tap.process,
      pid: process.pid,
      gpu: facts.gpu,
      model: facts.model,
      num_blocks: kvCacheManager.numBlocks,
      num_requests_running: running.length,
      num_requests_waiting: waiting.length,
      kv_cache_usage_perc: kvCacheManager.usage,
      clock: parts.stepClock.state,
    };
  }

  frames(sinceSeq: unknown): EngineFrames {
    const { tap, parts } = this.#options;
    return frameView(tap, parts.clock, countOf('since_seq', sinceSeq));
  }

  blocks(): BlockMap {
    this.#watch();
    const { scheduler, kvCacheConfig } = this.#options.parts;
    const map = blockMap(scheduler.state, kvCacheConfig, [...this.#recentHits]);
    this.#recentHits.clear();
    return map;
  }

  block(blockId: unknown): BlockView {
    this.#watch();
    return blockView(this.#options.parts.scheduler.state, blockId);
  }

  request(requestId: unknown): RequestView | null {
    this.#watch();
    const { state } = this.#options.parts.scheduler;
    const request = state.requests.get(String(requestId));
    return request === undefined ? null : requestView(state, request);
  }

  steps(sinceStep: unknown): EngineSteps {
    const since = countOf('since_step', sinceStep);
    this.#watch();
    const { scheduler, stepClock } = this.#options.parts;
    const { state } = scheduler;
    return {
      max_num_batched_tokens: state.config.maxNumBatchedTokens,
      max_num_seqs: state.config.maxNumSeqs,
      steps: this.#recorder.since(since),
      waiting: waitingNow(state, this.#recorder.lastReasons, stepClock.isHeld),
      running: state.running.slice(0, MAX_REQUEST_IDS).map(({ requestId }) => requestId),
    };
  }

  explain(): PendingResult {
    const { facts, onAnswer } = this.#options;
    const pending = new PendingResult();
    const settle = (compute: () => unknown): void => {
      pending.settle(compute);
      onAnswer();
    };
    void facts.explain().then(
      (explanation) => settle(() => explanation),
      (error: unknown) =>
        settle(() => {
          throw error;
        }),
    );
    return pending;
  }

  clock(change: unknown): ClockState {
    return this.#options.parts.stepClock.change(change);
  }

  /** Throws UtilityError for what is no injection, and for what the engine refuses. */
  inject(injection: unknown): null {
    const given = injectionOf(injection);
    if (given === null)
      throw new UtilityError('expected an object with handle, fault, parameters, for_ms');
    try {
      this.#options.faults.inject(given.handle, given);
    } catch (error) {
      throw error instanceof FaultError ? new UtilityError(error.message) : error;
    }
    return null;
  }

  clear(handle: unknown): boolean {
    return this.#options.faults.clear(String(handle));
  }

  #watch(): void {
    const { scheduler, clock } = this.#options.parts;
    this.#watchedUntilMs = clock.monotonicMs() + WATCH_MS;
    scheduler.state.observer = this.#recorder;
    scheduler.state.kvCacheManager.onPrefixHit = ({ blocks }) => this.#onPrefixHit(blocks);
  }

  /** Clears the observers once nobody has looked for a while. */
  #isWatched(): boolean {
    const { scheduler, clock } = this.#options.parts;
    if (clock.monotonicMs() < this.#watchedUntilMs) return true;
    scheduler.state.observer = null;
    scheduler.state.kvCacheManager.onPrefixHit = null;
    this.#recorder.stop();
    this.#recentHits.clear();
    return false;
  }

  #onPrefixHit(blocks: readonly (readonly number[])[]): void {
    for (const group of blocks) {
      for (const block of group) {
        if (this.#recentHits.size >= MAX_RECENT_HITS) return;
        if (block !== 0) this.#recentHits.add(block);
      }
    }
  }
}

/** Null for what is none. What the fault's parameters are to be is the faults' own to say. */
function injectionOf(value: unknown): (Omit<Injection, 'engine'> & { handle: string }) | null {
  if (!isJsonObject(value)) return null;
  const { handle, fault, parameters, for_ms: forMs } = value;
  if (typeof handle !== 'string' || typeof fault !== 'string' || !isJsonObject(parameters))
    return null;
  if (forMs === null || forMs === undefined) return { handle, fault, parameters, forMs: null };
  return typeof forMs === 'number' && forMs > 0 ? { handle, fault, parameters, forMs } : null;
}

/** A number to go on from; left out, it is 0. Throws UtilityError. */
function countOf(name: string, value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new UtilityError(
    `${name}: expected a whole number that is not negative, got ${JSON.stringify(value)}`,
  );
}
