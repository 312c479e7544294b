/**
 * The utility methods by which an engine shows its inside, of our own names: vLLM has none of them and answers each as an
 * unknown method. Every call renews the look, for which steps and prefix hits are kept.
 */
import type { Clock } from '../../shared/clock.ts';
import { toRawFrame } from '../../shared/tap/raw-frame.ts';
import type { Tap } from '../../shared/tap/tap.ts';
import type {
  EngineFrames,
  EngineSteps,
  EngineViewMethods,
} from '../../shared/twin-api/engine-views.ts';
import type { EngineCoreParts } from '../engine-core-parts.ts';
import { PendingResult } from '../pending-result.ts';
import { UtilityError } from '../utility-error.ts';
import { blockMap, blockView, requestView } from './block-views.ts';
import { LOOK_MS, Look } from './look.ts';
import { StepLog } from './step-log.ts';
import { waitingReasons } from './waiting-reasons.ts';

/** What one call for frames may answer with. */
export const MAX_FRAMES_PER_CALL = 1_000;
export const MAX_FRAME_BYTES_PER_CALL = 4 * 1024 * 1024;
/** Prefix hits that are kept between two looks. */
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
  readonly clock: Clock;
  readonly facts: EngineFacts;
  /** An answer has come that the engine's loop is to send. */
  readonly onAnswer: () => void;
}

type Views = { readonly [M in keyof EngineViewMethods]: (args: readonly unknown[]) => unknown };

export class EngineViews {
  readonly stepLog: StepLog;
  readonly #options: EngineViewsOptions;
  readonly #look: Look;
  readonly #methods: Views;
  #recentHits: number[] = [];

  constructor(options: EngineViewsOptions) {
    const { parts, clock } = options;
    this.#options = options;
    this.#look = new Look(clock);
    this.stepLog = new StepLog({ scheduler: parts.scheduler, clock, look: this.#look });
    parts.scheduler.state.kvCacheManager.blockPool.onHit = (block) => this.#onHit(block);
    this.#methods = {
      vllm_twin_about: () => this.#about(),
      vllm_twin_frames: ([since]) => this.#frames(since),
      vllm_twin_blocks: () => blockMap(parts, this.#takeHits()),
      vllm_twin_block: ([id]) => blockView(parts, id),
      vllm_twin_request: ([id]) => requestView(parts, id),
      vllm_twin_steps: ([since]) => this.#steps(since),
      vllm_twin_explain: () => this.#explain(),
      vllm_twin_clock: ([change]) => parts.stepClock.change(change),
    };
  }

  /** Undefined where the method is none of ours. Throws UtilityError; may give a PendingResult. */
  call(method: string, args: readonly unknown[]): { readonly result: unknown } | undefined {
    if (!Object.hasOwn(this.#methods, method)) return undefined;
    this.#look.renew();
    return { result: this.#methods[method as keyof EngineViewMethods](args) };
  }

  #about() {
    const { parts, tap, facts } = this.#options;
    return {
      process: tap.process,
      pid: process.pid,
      gpu: facts.gpu,
      model: facts.model,
      num_blocks: parts.scheduler.state.kvCacheManager.numBlocks,
      num_requests_running: parts.scheduler.state.running.length,
      num_requests_waiting: parts.scheduler.state.waiting.length,
      kv_cache_usage_perc: parts.scheduler.state.kvCacheManager.usage,
      clock: parts.stepClock.state,
    };
  }

  #frames(since: unknown): EngineFrames {
    const { tap, clock } = this.#options;
    tap.watchUntil(clock.monotonicMs() + LOOK_MS);
    const frames: EngineFrames['frames'][number][] = [];
    let bytes = 0;
    for (const frame of tap.framesSince(countOf('since_seq', since))) {
      if (frames.length >= MAX_FRAMES_PER_CALL) break;
      for (const part of frame.parts) bytes += part.byteLength;
      if (frames.length > 0 && bytes > MAX_FRAME_BYTES_PER_CALL) break;
      frames.push(toRawFrame(frame));
    }
    return {
      process: tap.process,
      wall_ms: clock.wallMs(),
      monotonic_ms: clock.monotonicMs(),
      num_seen: tap.numSeen,
      num_fallen_out: tap.numFallenOut,
      frames,
    };
  }

  #steps(since: unknown): EngineSteps {
    const { scheduler, stepClock } = this.#options.parts;
    const { state } = scheduler;
    const steps = this.stepLog.since(countOf('since_step', since));
    return {
      max_num_batched_tokens: state.maxNumScheduledTokens,
      max_num_seqs: state.maxNumActiveReqs,
      steps,
      waiting: waitingReasons(state, this.stepLog.lastFacts, stepClock.isHeld),
      running: state.running.map(({ requestId }) => requestId),
    };
  }

  #explain(): PendingResult {
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

  #onHit(block: number): void {
    if (this.#look.isOn && this.#recentHits.length < MAX_RECENT_HITS) this.#recentHits.push(block);
  }

  #takeHits(): number[] {
    const hits = this.#recentHits;
    this.#recentHits = [];
    return hits;
  }
}

function countOf(name: string, value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UtilityError(`${name}: expected a count, got ${JSON.stringify(value)}`);
}
