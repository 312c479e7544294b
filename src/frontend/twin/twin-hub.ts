/**
 * What the twin knows of itself, for the page and whoever asks: the merged stream of frames, the state of each engine, the
 * clock, the start-up. One per server, in the process that started the others. Engines' values stand side by side, never
 * summed.
 */
import type { Clock } from '../../shared/clock.ts';
import { FAULT_SPECS } from '../../shared/faults/catalogue.ts';
import { faultEntry } from '../../shared/faults/fault-entry.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { Dissector } from '../../shared/tap/dissector.ts';
import type { FrameDetail, FrameLine } from '../../shared/tap/frame-line.ts';
import type { ClockState, EngineAbout } from '../../shared/twin-api/engine-views.ts';
import type {
  ClockRequest,
  EngineState,
  HandshakeStepState,
  LessonState,
  TwinState,
} from '../../shared/twin-api/state.ts';
import { type FaultDesk, type FaultDeskOptions, NO_FAULTS } from '../faults/fault-desk.ts';
import type { Steering } from '../scenarios/steering.ts';
import { clockChangeProblem } from './clock-change.ts';
import { type CallEngine, EngineInquiry } from './engine-inquiry.ts';
import { FrameGathering, type FrameSource } from './frame-gathering.ts';
import { FrameLines } from './frame-lines.ts';
import { MergedStream } from './merged-stream.ts';
import type { Twin, TwinAnswer, TwinQuestion, TwinValues } from './twin-question.ts';

/** An engine as the process that started it knows it. */
export interface EngineFacts {
  readonly rank: EngineIndex;
  /** Null where somebody else started it. */
  readonly pid: number | null;
  readonly state: EngineState['state'];
}

/** The start-up held step by step. */
export interface HandshakeSteps {
  readonly state: HandshakeStepState | null;
  /** Lets the next frame go. */
  next(): void;
}

export interface TwinHubOptions {
  readonly clock: Clock;
  readonly dissector: Dissector;
  /** That the server says it is. */
  readonly vllmVersion: string;
  readonly model: string;
  readonly apiServerCount: number;
  readonly changesRefusedBecause: string | null;
  readonly lesson: LessonState | null;
  readonly handshake: HandshakeSteps;
  readonly phase: () => TwinState['phase'];
  readonly engines: () => readonly EngineFacts[];
  /** By vLLM's field names; null until it is there. */
  readonly readyResponse: (rank: EngineIndex) => EngineCoreReadyResponse | null;
  readonly nameFields: (response: EngineCoreReadyResponse) => Readonly<Record<string, unknown>>;
  readonly callEngine: CallEngine;
  /** What an engine that does not show its inside last said with its outputs; null before that. */
  readonly loadOf: (rank: EngineIndex) => Promise<EngineLoad | null>;
  readonly sources: readonly FrameSource[];
  /** Makes the desk of faults over the hub's own way to the engines; null with --faults none. */
  readonly createDesk: ((desk: DeskParts) => FaultDesk) | null;
  /** Loads and scenarios; `faults` is null with --faults none. Null where nobody asks of them. */
  readonly createSteering: ((faults: FaultDesk | null) => Steering) | null;
}

/** What the hub gives a desk. */
export type DeskParts = Pick<FaultDeskOptions, 'clock' | 'engineRanks' | 'askEngine' | 'isGone'>;

/** An engine's last scheduler statistics. */
interface EngineLoad {
  readonly numRequestsRunning: number;
  readonly numRequestsWaiting: number;
  readonly kvCacheUsage: number;
}

/** An engine's last word of itself is asked for again after this time. */
const ABOUT_MAX_AGE_MS = 200;

interface KnownAbout {
  readonly about: EngineAbout | null;
  readonly atMs: number;
}

export class TwinHub implements Twin {
  readonly #options: TwinHubOptions;
  readonly #stream = new MergedStream();
  readonly #lineMaker: FrameLines;
  readonly #inquiry: EngineInquiry;
  readonly #gathering: FrameGathering;
  readonly #abouts = new Map<EngineIndex, KnownAbout>();
  readonly #loads = new Map<EngineIndex, EngineLoad>();
  readonly #desk: FaultDesk | null;
  readonly #steering: Steering | null;

  constructor(options: TwinHubOptions) {
    const { clock, callEngine, sources } = options;
    this.#options = options;
    this.#lineMaker = new FrameLines(options.dissector);
    this.#inquiry = new EngineInquiry(callEngine, clock);
    this.#gathering = new FrameGathering({
      stream: this.#stream,
      inquiry: this.#inquiry,
      clock,
      sources,
      ranks: () => this.#ranksToAsk(),
    });
    this.#desk =
      options.createDesk?.({
        clock,
        engineRanks: () => options.engines().map(({ rank }) => rank),
        askEngine: (rank, method, args) => this.#askEngine(rank, method, args),
        isGone: (rank) =>
          options.engines().some((engine) => engine.rank === rank && engine.state === 'DEAD'),
      }) ?? null;
    this.#steering = options.createSteering?.(this.#desk) ?? null;
  }

  async ask<Q extends TwinQuestion>(question: Q): Promise<TwinAnswer<TwinValues[Q['ask']]>> {
    const answer = await this.#answer(question);
    return answer as TwinAnswer<TwinValues[Q['ask']]>;
  }

  /** Ends scenarios, loads and faults, and looks no more. */
  async close(): Promise<void> {
    this.#gathering.close();
    await this.#steering?.close();
    await this.#desk?.close();
  }

  async #answer(question: TwinQuestion): Promise<TwinAnswer> {
    switch (question.ask) {
      case 'state':
        return ok(await this.#state());
      case 'frames':
        await this.#gathering.look();
        return ok(this.#lines(question.since, question.limit));
      case 'frame':
        await this.#gathering.look();
        return this.#detail(question.n);
      case 'engine':
        return this.#askEngine(question.rank, question.method, question.args);
      case 'clock':
        return this.#changeClock(question.change);
      case 'handshake-next':
        return this.#nextFrame();
      case 'faults':
        return this.#desk === null ? WITHOUT_FAULTS : ok({ faults: FAULT_SPECS.map(faultEntry) });
      case 'active-faults':
        return this.#desk === null ? WITHOUT_FAULTS : ok({ active: this.#desk.active });
      case 'inject':
        return this.#desk?.inject(question.request) ?? WITHOUT_FAULTS;
      case 'clear':
        return this.#desk?.clear(question.handle) ?? WITHOUT_FAULTS;
      default:
        return this.#steering?.ask(question) ?? WITHOUT_STEERING;
    }
  }

  #lines(since: number, limit: number): FrameLine[] {
    return this.#lineMaker.linesOf(this.#stream.since(since, limit));
  }

  #detail(n: number): TwinAnswer<FrameDetail> {
    const kept = this.#stream.at(n);
    if (kept !== undefined) return ok(this.#lineMaker.detailOf(kept));
    const { firstN, lastN } = this.#stream;
    const where =
      lastN === 0 ? 'there are no frames yet' : `frames ${firstN} to ${lastN} are there`;
    return { isOk: false, status: 404, message: `no frame ${n}: ${where}` };
  }

  async #askEngine(
    rank: EngineIndex,
    method: string,
    args: readonly unknown[],
  ): Promise<TwinAnswer> {
    const known = this.#options.engines().map((engine) => engine.rank);
    if (!known.includes(rank)) {
      return {
        isOk: false,
        status: 404,
        message: `no engine ${rank}: there are ${known.join(', ')}`,
      };
    }
    if (!this.#ranksToAsk().includes(rank)) {
      return { isOk: false, status: 503, message: `engine ${rank} is not ready, or not any more` };
    }
    return this.#inquiry.ask(rank, method, args);
  }

  /** Of one engine, or of all; none is changed where one of them does not answer, or is none of ours. */
  async #changeClock({ engine, ...change }: ClockRequest): Promise<TwinAnswer> {
    const problem = engineProblem(engine) ?? clockChangeProblem(change);
    if (problem !== null) return { isOk: false, status: 400, message: problem };
    const ranks = engine === undefined ? this.#options.engines().map(({ rank }) => rank) : [engine];
    const askAll = (method: string, args: readonly unknown[]): Promise<TwinAnswer[]> =>
      Promise.all(ranks.map((rank) => this.#askEngine(rank, method, args)));
    const looks = await askAll('vllm_twin_about', []);
    const absent = looks.find(({ isOk }) => !isOk);
    if (absent !== undefined) return absent;
    const answers = await askAll('vllm_twin_clock', [change]);
    this.#forgetAge();
    const refused = answers.find(({ isOk }) => !isOk);
    if (refused !== undefined) return refused;
    const clocks = ranks.map((rank, index) => [rank, clockIn(answers[index]) as ClockState]);
    return ok({ clocks: Object.fromEntries(clocks) as Readonly<Record<string, ClockState>> });
  }

  #nextFrame(): TwinAnswer<HandshakeStepState> {
    const { handshake } = this.#options;
    if (handshake.state === null) {
      return {
        isOk: false,
        status: 409,
        message:
          'no start-up is held: it is over, or the server was started without --handshake-step',
      };
    }
    handshake.next();
    return ok(handshake.state ?? { held: [], num_released: 0 });
  }

  async #state(): Promise<TwinState> {
    const { vllmVersion, model, apiServerCount, changesRefusedBecause, lesson, handshake, phase } =
      this.#options;
    await Promise.all([
      this.#gathering.look(),
      ...this.#ranksToAsk().map((rank) => this.#refreshAbout(rank)),
    ]);
    return {
      vllm_version: vllmVersion,
      model,
      phase: phase(),
      engines: this.#options.engines().map((facts) => this.#engineState(facts)),
      api_server_count: apiServerCount,
      frames: {
        last_n: this.#stream.lastN,
        first_n: this.#stream.firstN,
        num_fallen_out: this.#stream.numFallenOut,
      },
      changes_refused_because: changesRefusedBecause,
      handshake_step: handshake.state,
      lesson,
    };
  }

  #engineState({ rank, pid, state }: EngineFacts): EngineState {
    const { readyResponse, nameFields } = this.#options;
    const ready = readyResponse(rank);
    const about = this.#abouts.get(rank)?.about ?? null;
    const load = this.#loads.get(rank);
    return {
      rank,
      pid: pid ?? about?.pid ?? null,
      state,
      gpu: about?.gpu ?? null,
      is_twin: this.#inquiry.isTwin(rank),
      ready_response: ready === null ? null : nameFields(ready),
      kv_cache_size_tokens: ready?.kvCacheSizeTokens ?? null,
      kv_cache_max_concurrency: ready?.kvCacheMaxConcurrency ?? null,
      num_requests_running: about?.num_requests_running ?? load?.numRequestsRunning ?? 0,
      num_requests_waiting: about?.num_requests_waiting ?? load?.numRequestsWaiting ?? 0,
      kv_cache_usage_perc: about?.kv_cache_usage_perc ?? load?.kvCacheUsage ?? 0,
      clock: about?.clock ?? null,
    };
  }

  /** What engines said is still known, and no longer new. */
  #forgetAge(): void {
    for (const [rank, { about }] of this.#abouts)
      this.#abouts.set(rank, { about, atMs: Number.NEGATIVE_INFINITY });
  }

  /** What is known stays known where the engine is silent. */
  async #refreshAbout(rank: EngineIndex): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#abouts.get(rank);
    if (known !== undefined && nowMs - known.atMs < ABOUT_MAX_AGE_MS) return;
    this.#abouts.set(rank, { about: known?.about ?? null, atMs: nowMs });
    const answer = await this.#inquiry.ask(rank, 'vllm_twin_about', []);
    if (answer.isOk) this.#abouts.set(rank, { about: answer.value as EngineAbout, atMs: nowMs });
    else if (answer.status === 501) await this.#refreshLoad(rank);
  }

  async #refreshLoad(rank: EngineIndex): Promise<void> {
    const load = await this.#options.loadOf(rank);
    if (load !== null) this.#loads.set(rank, load);
  }

  #ranksToAsk(): readonly EngineIndex[] {
    const { engines, readyResponse, phase } = this.#options;
    if (phase() !== 'serving') return [];
    return engines()
      .filter(({ rank, state }) => state !== 'DEAD' && readyResponse(rank) !== null)
      .map(({ rank }) => rank);
  }
}

const WITHOUT_STEERING: TwinAnswer<never> = {
  isOk: false,
  status: 501,
  message: 'this server has no loads and scenarios of its own',
};

const WITHOUT_FAULTS: TwinAnswer<never> = { isOk: false, status: 404, message: NO_FAULTS };

function engineProblem(engine: unknown): string | null {
  if (engine === undefined || (Number.isInteger(engine) && Number(engine) >= 0)) return null;
  return `engine: expected the rank of an engine, got ${JSON.stringify(engine)}`;
}

function ok<T>(value: T): TwinAnswer<T> {
  return { isOk: true, value };
}

function clockIn(answer: TwinAnswer | undefined): unknown {
  return answer?.isOk === true ? answer.value : null;
}
