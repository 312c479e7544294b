/**
 * A twin in the process of the test: a simulation that listens on a port of the loopback. What needs its time goes one after
 * another, because time runs once at a time.
 */
import { TwinHub } from '../frontend/twin/twin-hub.ts';
import type { TwinAnswer } from '../frontend/twin/twin-question.ts';
import { readLoad } from '../scenario/load.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ServerError } from '../shared/errors.ts';
import { type Logger, lineLogger } from '../shared/logger.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../shared/tap/dissector.ts';
import { namedFields } from '../shared/tap/named-fields.ts';
import type { TwinState } from '../shared/twin-api/state.ts';
import { spokenVersionNote } from '../shared/version.ts';
import { Simulation } from '../simulate/simulation.ts';
import { letRequestsArrive } from './arrival.ts';
import { engineOf } from './engine-of.ts';
import { faultHandle } from './fault-handle.ts';
import { loadBody } from './load-body.ts';
import { LogTail } from './log-tail.ts';
import { Metrics } from './metrics.ts';
import type { Exit } from './server-process.ts';
import type {
  FaultHandle,
  FaultRequest,
  LoadHandle,
  LoadRequest,
  LoadResult,
  Twin,
  TwinEngine,
} from './twin.ts';
import { TwinRequestError } from './twin-client.ts';
import { argsOf, durationOf, type InProcessOptions } from './twin-options.ts';

/** Resolves when it listens. Throws config and start-up errors. */
export async function startInProcessTwin(options: InProcessOptions): Promise<Twin> {
  const args = argsOf(options);
  options.signal?.throwIfAborted();
  const log = new LogTail();
  const logger = lineLogger({ level: args.logLevel, bindings: { process: 'Simulation' } }, (line) =>
    log.add(line),
  );
  const twin = await InProcessTwin.start(args, { log, logger });
  options.signal?.addEventListener('abort', () => void twin.stop(), { once: true });
  return twin;
}

class InProcessTwin implements Twin {
  readonly url: string;
  engines: readonly TwinEngine[] = [];
  exit: Exit | null = null;
  readonly #simulation: Simulation;
  readonly #log: LogTail;
  readonly #hub: TwinHub;
  /** What runs in its time, the last one. */
  #last: Promise<unknown> = Promise.resolve();
  #numLoads = 0;
  #onExit: (exit: Exit) => void = () => {};
  readonly #exited = new Promise<Exit>((resolve) => {
    this.#onExit = resolve;
  });

  static async start(
    args: EngineArgs,
    { log, logger }: { readonly log: LogTail; readonly logger: Logger },
  ): Promise<InProcessTwin> {
    const note = spokenVersionNote(args.vllmVersion);
    if (note !== null) logger.info(note);
    let onDown = (): void => {};
    const simulation = await Simulation.create(args, {
      listens: true,
      logger,
      onDown: () => onDown(),
    });
    const twin = new InProcessTwin(simulation, log, args);
    onDown = () => twin.#end({ code: 1, signal: null });
    const { engines } = await twin.state();
    twin.engines = engines.map((state) => engineOf(twin, state));
    return twin;
  }

  private constructor(simulation: Simulation, log: LogTail, args: EngineArgs) {
    this.#simulation = simulation;
    this.#log = log;
    this.url = simulation.url;
    this.#hub = createHub(simulation, args);
    // Whoever forgets it can end all the same.
    simulation.server.http.app.server.unref();
  }

  inject(request: FaultRequest): Promise<FaultHandle> {
    return this.#inTime(async () => {
      const answer = await this.#simulation.inject(request);
      return faultHandle(valueIn(`inject ${request.fault}`, answer), (handle) =>
        this.clear(handle),
      );
    });
  }

  clear(handle: string): Promise<void> {
    return this.#inTime(async () => {
      if (this.#simulation.isUp) await this.#simulation.clear(handle);
    });
  }

  async activeFaults(): Promise<Simulation['activeFaults']> {
    return this.#simulation.activeFaults;
  }

  async load(request: LoadRequest): Promise<LoadHandle> {
    const read = readLoad(loadBody(request));
    if (!read.isOk) throw new TwinRequestError('load', 400, { ...read });
    const runner = this.#simulation.load(read.value);
    const resultNow = (): LoadResult => {
      const { sent, finished, failed, aborted } = runner.counts;
      return { sent, finished, failed, aborted };
    };
    // What it cuts off ends in its time.
    const stop = (): Promise<void> =>
      this.#inTime(async () => {
        await this.#simulation.time.pass(runner.stop(), 0);
      });
    this.#numLoads += 1;
    return {
      handle: `l${this.#numLoads}`,
      progress: async () => resultNow(),
      done: () => runner.over.then(resultNow),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  async metrics(): Promise<Metrics> {
    const scrape = await this.#inTime(() => this.#simulation.scrape());
    if (scrape?.status === 200) return new Metrics(scrape.body);
    throw new ServerError('E_UNAVAILABLE', `GET /metrics: ${scrape?.status ?? 'nobody answers'}`);
  }

  async frames(): Promise<never> {
    throw new ServerError(
      'E_NOT_IMPLEMENTED',
      "frames are those between processes: start the twin in mode 'processes'",
    );
  }

  state(): Promise<TwinState> {
    return this.#inTime(async () => {
      const asked = this.#hub.ask({ ask: 'state' });
      await this.#simulation.time.pass(asked, 0);
      return valueIn('state', await asked);
    });
  }

  async health(): Promise<number | null> {
    return (await this.#inTime(() => this.#simulation.get('/health')))?.status ?? null;
  }

  advance(duration: string | number): Promise<void> {
    const ms = durationOf(duration, 'advance');
    return this.#inTime(async () => {
      await letRequestsArrive(this.url);
      await this.#simulation.advance(ms);
    });
  }

  wait(duration: string | number): Promise<void> {
    return this.advance(duration);
  }

  log(): readonly string[] {
    return this.#log.last();
  }

  waitForExit(): Promise<Exit> {
    return this.#exited;
  }

  stop(): Promise<Exit> {
    return this.#inTime(async () => {
      if (this.exit === null) {
        await this.#simulation.close();
        await this.#hub.close();
        this.#end({ code: 0, signal: null });
      }
      return this.#exited;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #end(exit: Exit): void {
    this.exit ??= exit;
    this.#onExit(this.exit);
  }

  #inTime<T>(what: () => Promise<T>): Promise<T> {
    const done = this.#last.then(what);
    this.#last = done.catch(() => {});
    return done;
  }
}

function createHub({ server, time }: Simulation, { model, vllmVersion }: EngineArgs): TwinHub {
  const wire = WIRE_VERSIONS[vllmVersion];
  return new TwinHub({
    clock: time,
    dissector: createDissector(wire),
    vllmVersion,
    model,
    apiServerCount: 1,
    changesRefusedBecause: null,
    lesson: null,
    handshake: { state: null, next: () => {} },
    phase: () => (server.isServing ? 'serving' : 'ending'),
    engines: () =>
      [...server.engines].map(([rank, { hasExited }]) => ({
        rank,
        pid: null,
        state: hasExited ? 'DEAD' : 'READY',
      })),
    readyResponse: (rank) => server.api.readyResponse(rank),
    nameFields: (response) => namedFields(wire.tables.engineCoreReadyResponse, response),
    // Only the state is asked of it: faults, loads and scenarios are the simulation's own.
    createDesk: null,
    createSteering: null,
    callEngine: (rank, method, values) => server.api.callEngine(rank, method, values),
    loadOf: async () => null,
    sources: [],
  });
}

function valueIn<T>(what: string, answer: TwinAnswer<T>): T {
  if (answer.isOk) return answer.value;
  throw new TwinRequestError(what, answer.status, { ...answer });
}
