/**
 * Where faults of a running server are begun and ended, by handle: one desk per server, in the process that started the
 * others. It checks, hands each to whoever carries it out, keeps its time, and says so in the log.
 */
import type { Clock } from '../../shared/clock.ts';
import { describeDuration } from '../../shared/duration.ts';
import type { ActiveFault, InjectedFault } from '../../shared/faults/fault-api.ts';
import type { FaultSpec } from '../../shared/faults/fault-spec.ts';
import { type Injection, readInjection } from '../../shared/faults/injection.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Timer, Timers } from '../../shared/timers.ts';
import type { TwinAnswer } from '../twin/twin-question.ts';
import type { ProcessFaults } from './process-faults.ts';

/** Handles that may be active at a time. */
export const MAX_ACTIVE_FAULTS = 1_000;
/** Why a server has no desk. */
export const NO_FAULTS = 'this server has no faults: it was started with --faults none';
/** Between two tries to end what was refused. */
const UNDO_RETRY_MS = 1_000;

export interface FaultDeskOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info'>;
  /** False with `--disable-log-stats`: /metrics has no figures of engines. True if absent. */
  readonly hasEngineMetrics?: boolean;
  /** Ranks of the server's engines. */
  readonly engineRanks: () => readonly number[];
  /** Calls a method of an engine. */
  readonly askEngine: (
    rank: number,
    method: string,
    args: readonly unknown[],
  ) => Promise<TwinAnswer>;
  /** The engine has ended, and its faults with it. */
  readonly isGone: (rank: number) => boolean;
  /** Faults at the server's other processes. */
  readonly processes: ProcessFaults;
  /** Told of all active faults whenever they change: for those at HTTP and on /metrics, and to show them. */
  readonly onChange: (active: readonly FaultRecord[]) => void;
  readonly timers: Timers;
}

/** An active fault, as other processes are told of it: plain data. */
export interface FaultRecord extends InjectedFault {
  /** Wall-clock milliseconds. */
  readonly begun_ms: number;
  /** Momentary ones are told once, and are not active after. */
  readonly is_momentary: boolean;
  /** Whose it is: empty where it is no engine's. */
  readonly ranks: readonly number[];
}

interface Held {
  readonly record: FaultRecord;
  readonly begunMs: number;
  /** Where an engine does not answer, the fault is still active: to be ended again. */
  readonly clear: () => Promise<TwinAnswer<null>>;
  /** Whatever an engine answers. */
  readonly drop: () => Promise<void>;
}

type EndFault = () => Promise<TwinAnswer<null>>;

const ENDED: TwinAnswer<null> = { isOk: true, value: null };

export class FaultDesk {
  readonly #options: FaultDeskOptions;
  readonly #held = new Map<string, Held>();
  /** The last call to each engine: the next one waits for it, so that no number of faults is too many calls at a time. */
  readonly #lastCalls = new Map<number, Promise<TwinAnswer>>();
  /** Of faults that begin, and of refused ones that an engine may yet have begun. */
  #numUnsettled = 0;
  #lastHandle = 0;
  #isClosed = false;

  constructor(options: FaultDeskOptions) {
    this.#options = options;
  }

  async inject(request: unknown): Promise<TwinAnswer<InjectedFault>> {
    const read = readInjection(request);
    if (!read.isOk) {
      const { message, param, allowed } = read;
      return { isOk: false, status: 400, message, param, allowed };
    }
    const { spec, injection } = read;
    const refusal = this.#refusal(spec, injection);
    if (refusal !== null) return refusal;
    this.#lastHandle += 1;
    const handle = `f${this.#lastHandle}`;
    const ranks = this.#ranksOf(spec, injection);
    const record: FaultRecord = {
      handle,
      fault: spec.id,
      engine: injection.engine,
      parameters: injection.parameters,
      for_ms: injection.forMs,
      begun_ms: this.#options.clock.wallMs(),
      is_momentary: spec.isMomentary,
      ranks,
    };
    // What ends an engine is said before the engine's end.
    if (isDeparture(spec)) this.#say('begins', record);
    this.#numUnsettled += 1;
    const begun = await this.#begin(spec, record);
    this.#numUnsettled -= 1;
    if (!begun.isOk) return begun;
    if (!isDeparture(spec)) this.#say(beginWords(injection), record);
    if (spec.isMomentary) this.#tell(record);
    else await this.#hold(record, begun.value);
    const { begun_ms, is_momentary, ranks: _ranks, ...injected } = record;
    return { isOk: true, value: injected };
  }

  /** 404 where the handle has none; 503 where an engine does not answer: the fault is active still. */
  async clear(handle: string): Promise<TwinAnswer<null>> {
    const held = this.#held.get(handle);
    if (held !== undefined) return held.clear();
    const known = [...this.#held.keys()].join(', ');
    const which = known === '' ? 'none is active' : `active are ${known}`;
    return { isOk: false, status: 404, message: `no fault ${handle}, or it is over: ${which}` };
  }

  get active(): readonly ActiveFault[] {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#held.values()].map(({ record, begunMs }) => {
      const { begun_ms, is_momentary, ranks, ...injected } = record;
      const age = nowMs - begunMs;
      return {
        ...injected,
        age_ms: Math.round(age),
        ends_in_ms: record.for_ms === null ? null : Math.max(0, Math.round(record.for_ms - age)),
      };
    });
  }

  /** Ends all of them: a stopped process could not be told to end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#held.values()].map(({ drop }) => drop()));
  }

  #refusal(spec: FaultSpec, { engine }: Injection): (TwinAnswer & { isOk: false }) | null {
    if (spec.place === 'start-up') {
      return {
        isOk: false,
        status: 400,
        message: `${spec.id} is a fault of a start-up, and this server has started: give it by a file, serve --scenario FILE, at: start`,
        param: 'fault',
        allowed: 'a fault that a running server can have',
      };
    }
    if (this.#isClosed) return { isOk: false, status: 503, message: 'the server is ending' };
    if (spec.place === 'metrics' && spec.takesEngine && this.#options.hasEngineMetrics === false) {
      return {
        isOk: false,
        status: 409,
        message: `${spec.id}: /metrics of this server has no figures of its engines: it was started with --disable-log-stats`,
      };
    }
    if (this.#held.size + this.#numUnsettled >= MAX_ACTIVE_FAULTS) {
      return {
        isOk: false,
        status: 409,
        message: `${MAX_ACTIVE_FAULTS} faults are active: end some of them first`,
      };
    }
    const ranks = this.#options.engineRanks();
    if (engine === null) return null;
    if (ranks.includes(engine)) {
      if (spec.place === 'metrics' || !this.#options.isGone(engine)) return null;
      return { isOk: false, status: 503, message: `engine ${engine} has ended` };
    }
    return {
      isOk: false,
      status: 400,
      message: `no engine ${engine}: there are ${ranks.join(', ')}`,
      param: 'engine',
      allowed: `one of ${ranks.join(', ')}`,
    };
  }

  #ranksOf({ takesEngine }: FaultSpec, { engine }: Injection): readonly number[] {
    if (!takesEngine) return [];
    return engine === null ? this.#options.engineRanks() : [engine];
  }

  /** Carries it out; gives what ends it. */
  async #begin(spec: FaultSpec, record: FaultRecord): Promise<TwinAnswer<EndFault>> {
    const { place, isMomentary } = spec;
    if (place === 'process') return this.#options.processes.begin(record.fault, record.parameters);
    if (place !== 'engine' && place !== 'wire') return { isOk: true, value: async () => ENDED };
    const { handle, fault, parameters, for_ms, ranks } = record;
    const injection = { handle, fault, parameters, for_ms };
    const end = async (): Promise<TwinAnswer<null>> => {
      if (isMomentary) return ENDED;
      const ended = await Promise.all(ranks.map((rank) => this.#clearAt(rank, handle)));
      return ended.find(({ isOk }) => !isOk) ?? ENDED;
    };
    const answers = await Promise.all(
      ranks.map((rank) => this.#askEngine(rank, 'vllm_twin_inject', [injection])),
    );
    const refused = answers.find(({ isOk }) => !isOk);
    if (refused === undefined || refused.isOk || isDeparture(spec))
      return { isOk: true, value: end };
    if (!(await end()).isOk) void this.#undo(end);
    return refused;
  }

  /** An engine that did not answer in time may begin the fault when it goes on: nobody has its handle. */
  async #undo(end: EndFault): Promise<void> {
    this.#numUnsettled += 1;
    do await this.#options.timers.pause(UNDO_RETRY_MS);
    while (!this.#isClosed && !(await end()).isOk);
    this.#numUnsettled -= 1;
  }

  async #clearAt(rank: number, handle: string): Promise<TwinAnswer<null>> {
    const answer = await this.#askEngine(rank, 'vllm_twin_clear', [handle]);
    if (answer.isOk || answer.status !== 503 || this.#options.isGone(rank)) return ENDED;
    const message = `${answer.message} (the fault is active still: end it again)`;
    return { ...answer, message };
  }

  #askEngine(rank: number, method: string, args: readonly unknown[]): Promise<TwinAnswer> {
    const before = this.#lastCalls.get(rank);
    const ask = (): Promise<TwinAnswer> => this.#options.askEngine(rank, method, args);
    const answer = before === undefined ? ask() : before.then(ask, ask);
    this.#lastCalls.set(rank, answer);
    return answer;
  }

  async #hold(record: FaultRecord, endFault: EndFault): Promise<void> {
    const { handle } = record;
    let timer: Timer | null = null;
    const forget = (): void => {
      timer?.cancel();
      if (!this.#held.delete(handle)) return;
      this.#say('ends', record);
      this.#tell(null);
    };
    const clear = async (): Promise<TwinAnswer<null>> => {
      const ended = await endFault();
      if (ended.isOk) forget();
      return ended;
    };
    // An engine keeps the time of its faults itself.
    const drop = async (): Promise<void> => {
      forget();
      await endFault();
    };
    this.#held.set(handle, { record, begunMs: this.#options.clock.monotonicMs(), clear, drop });
    if (record.for_ms !== null)
      timer = this.#options.timers.after(record.for_ms, () => void drop());
    this.#tell(null);
    if (this.#isClosed) await drop();
  }

  #tell(momentary: FaultRecord | null): void {
    const active = [...this.#held.values()].map(({ record }) => record);
    this.#options.onChange(momentary === null ? active : [...active, momentary]);
  }

  #say(what: string, { fault, handle, engine, ranks }: FaultRecord): void {
    const whose =
      engine !== null ? ` of engine ${engine}` : ranks.length > 0 ? ' of all engines' : '';
    this.#options.logger.info(`Fault ${fault}${whose} ${what} (handle ${handle})`);
  }
}

function beginWords({ forMs }: Injection): string {
  return forMs === null ? 'begins' : `begins, for ${describeDuration(forMs)}`;
}

/** An engine that goes by it may be gone before it has answered. */
function isDeparture({ place, endsServer }: FaultSpec): boolean {
  return place === 'engine' && endsServer === true;
}
