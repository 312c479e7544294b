/**
 * A whole server on a clock of its own: nothing happens but by `advance`, and the same seed gives the same run. For a day in
 * seconds (run-simulation.ts), for tests of the twin itself, and for tests that use it (src/testing).
 */
import type { EngineClient } from '../frontend/engine-client/engine-client.ts';
import { DEFAULT_HTTP_ENV, type HttpEnv } from '../frontend/http/http-env.ts';
import type { AsyncLLM } from '../frontend/llm/async-llm.ts';
import type { TwinAnswer } from '../frontend/twin/twin-question.ts';
import type { Load } from '../scenario/load.ts';
import { LoadRunner } from '../scenario/load-runner.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import type { ActiveFault, InjectedFault } from '../shared/faults/fault-api.ts';
import type { Injection } from '../shared/faults/injection.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createWireCodec, type WireCodec } from '../shared/protocol/wire-codec.ts';
import { createHandingOverCodec } from './handing-over-codec.ts';
import { SimulatedClient } from './simulated-client.ts';
import type { SimulatedEngine } from './simulated-engine.ts';
import { SimulatedServer } from './simulated-server.ts';
import { seededHex } from './surroundings.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SimulationOptions {
  /** Of everything random, ids included; default: that of the arguments. */
  readonly seed?: number;
  /** Wall-clock milliseconds at the start; default: the start of 2026. */
  readonly epochMs?: number;
  /** Default: vLLM's, whatever the environment says. */
  readonly env?: HttpEnv;
  /** Default: says nothing. */
  readonly logger?: Logger;
  /** On a port of the loopback interface as well, where requests progress only by `advance`. Default: no. */
  readonly listens?: boolean;
  /** Engines' outputs are encoded and decoded, as between processes; it changes nothing but the time it takes. Default: no. */
  readonly encodesOutputs?: boolean;
  /** Faults before the engines' HELLO, at each start. */
  readonly startFaults?: readonly Injection[];
  /** The server has ended by itself. */
  readonly onDown?: (reason: string) => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** As Prometheus's scrape_timeout. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** More than any answer takes that nothing holds back. */
const MAX_ANSWER_TURNS = 1_000;

export class Simulation {
  readonly time: VirtualTime;
  readonly #client: SimulatedClient;
  readonly #args: EngineArgs;
  readonly #options: SimulationOptions;
  readonly #codec: WireCodec;
  readonly #randomHex: (length: number) => string;
  #server: SimulatedServer | null = null;
  #url = '';

  private constructor(args: EngineArgs, options: SimulationOptions) {
    const { seed = args.seed, epochMs, encodesOutputs = false } = options;
    this.#args = Object.freeze({ ...args, seed, apiServerCount: args.apiServerCount ?? 1 });
    this.#options = options;
    this.time = new VirtualTime(epochMs === undefined ? {} : { epochMs });
    const codec = createWireCodec(WIRE_VERSIONS[args.vllmVersion]);
    this.#codec = encodesOutputs ? codec : createHandingOverCodec(codec);
    this.#randomHex = seededHex(seed);
    this.#client = new SimulatedClient({
      time: this.time,
      randomHex: this.#randomHex,
      server: () => (this.isUp ? this.#server : null),
    });
  }

  /** Starts the server. Throws config and start-up errors. */
  static async create(args: EngineArgs, options: SimulationOptions = {}): Promise<Simulation> {
    const simulation = new Simulation(args, options);
    await simulation.start();
    return simulation;
  }

  /** Somebody answers: the server has not ended. */
  get isUp(): boolean {
    return this.#server?.isServing === true;
  }

  /** Empty where it does not listen. */
  get url(): string {
    return this.#url;
  }

  get llm(): AsyncLLM {
    return this.server.http.llm;
  }

  get engineClient(): EngineClient {
    return this.server.api.client;
  }

  get engines(): ReadonlyMap<EngineIndex, SimulatedEngine> {
    return this.server.engines;
  }

  get activeFaults(): readonly ActiveFault[] {
    return this.server.desk.active;
  }

  get server(): SimulatedServer {
    if (this.#server === null) throw new Error('the simulation has not started');
    return this.#server;
  }

  /** Lets virtual time pass. Rejects with a bug that shows on the way. */
  advance(ms: number): Promise<void> {
    return this.time.runUntil(this.time.monotonicMs() + ms);
  }

  /** `GET /metrics`. */
  scrape(): Promise<HttpAnswer | null> {
    return this.get('/metrics');
  }

  /**
   * `GET` of a path; null where nobody answers within `timeoutMs`, or not to the end. No time passes but what a fault holds
   * the answer back for.
   */
  async get(path: string, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<HttpAnswer | null> {
    if (!this.isUp) return null;
    const { app } = this.server.http;
    // A fault may cut it off in the middle.
    const response = app.inject({ method: 'GET', url: path }).catch(() => null);
    const isPrompt = await this.time.standStill(isThereSoon(response));
    if (!isPrompt && !(await this.time.pass(response, timeoutMs))) return null;
    const answer = await response;
    return answer === null ? null : { status: answer.statusCode, body: answer.body };
  }

  /** `{fault, engine?, for?, …parameters}`. The fault has begun when it resolves; no time has passed. */
  inject(request: unknown): Promise<TwinAnswer<InjectedFault>> {
    return this.#now(this.server.desk.inject(request));
  }

  /** False where the handle has none. */
  async clear(handle: string): Promise<boolean> {
    return (await this.#now(this.server.desk.clear(handle))).isOk;
  }

  /** Begins a load, which goes on as time passes; over a restart too. Another seed of the simulation makes another one of it. */
  load(given: Load): LoadRunner {
    const { time } = this;
    const load = { ...given, seed: (given.seed + this.#args.seed) >>> 0 };
    return new LoadRunner({ load, clock: time, timers: time, send: this.#client.senderOf(load) });
  }

  /** Ends the server, and starts it anew: its counters begin at zero. */
  async restart(): Promise<void> {
    await this.close();
    await this.start();
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  private async start(): Promise<void> {
    const { logger = silentLogger(), env = DEFAULT_HTTP_ENV, listens = false } = this.#options;
    this.#server = new SimulatedServer({
      args: this.#args,
      env,
      time: this.time,
      codec: this.#codec,
      logger,
      randomHex: this.#randomHex,
      listens,
      startFaults: this.#options.startFaults ?? [],
      onDown: (reason) => this.#options.onDown?.(reason),
    });
    this.#url = await this.#server.start();
  }

  /** What is answered at this moment already. */
  async #now<T>(answer: Promise<T>): Promise<T> {
    const isAnswered = await this.time.pass(answer, 0);
    if (!isAnswered)
      throw new Error('an engine does not answer: it has ended, or its frames are held');
    return answer;
  }
}

/** Whether it comes within MAX_ANSWER_TURNS of the event loop. */
async function isThereSoon(answer: Promise<unknown>): Promise<boolean> {
  let isThere = false;
  const note = (): void => {
    isThere = true;
  };
  answer.then(note, note);
  for (let i = 0; i < MAX_ANSWER_TURNS && !isThere; i += 1)
    await new Promise((resolve) => setImmediate(resolve));
  return isThere;
}
