/**
 * A server in a simulation: what `serve` starts as processes, each a lifetime on the virtual clock. They meet on the
 * in-memory transport alone, and run what runs in a process of its own; this file stands for `serve` itself and its launcher.
 */
import { loadModelPlan } from '../capacity/file/load-model-plan.ts';
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import { ApiServer } from '../frontend/api-server/api-server.ts';
import type { EngineDeath } from '../frontend/api-server/serving.ts';
import { DPCoordinatorProc } from '../frontend/dp-coordinator/dp-coordinator-proc.ts';
import { FaultDesk } from '../frontend/faults/fault-desk.ts';
import { ProcessFaults } from '../frontend/faults/process-faults.ts';
import type { HttpEnv } from '../frontend/http/http-env.ts';
import type { HttpServer } from '../frontend/http/server.ts';
import { describeExit } from '../frontend/launch/child.ts';
import { EngineStartup } from '../frontend/launch/engine-startup.ts';
import { handshakeMetadata } from '../frontend/launch/handshake-metadata.ts';
import { HandshakeServer } from '../frontend/launch/handshake-server.ts';
import { createParallelPlan, type ParallelPlan } from '../frontend/launch/parallel-plan.ts';
import { ReportOrder } from '../frontend/launch/report-order.ts';
import { WATCHDOG_MS } from '../frontend/launch/watchdog.ts';
import type { FrontendMetrics } from '../frontend/metrics/frontend-metrics.ts';
import { argsOfRank } from '../shared/config/engine-overrides.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError, reasonOf, StartupError } from '../shared/errors.ts';
import type { Injection } from '../shared/faults/injection.ts';
import { ordersReports, startPlanOf } from '../shared/faults/scheduled-fault.ts';
import type { Logger } from '../shared/logger.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import { createInMemoryTransport } from '../shared/transport/in-memory.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { type EngineExit, SimulatedEngine } from './simulated-engine.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { simulatedProcessFigures } from './surroundings.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimulatedServerOptions {
  readonly args: EngineArgs;
  readonly env: HttpEnv;
  readonly time: VirtualTime;
  readonly codec: WireCodec;
  readonly logger: Logger;
  /** Hexadecimal digits for ids. */
  readonly randomHex: (length: number) => string;
  /** True: on a port of the loopback interface as well. */
  readonly listens: boolean;
  /** Faults before the engines' HELLO. */
  readonly startFaults: readonly Injection[];
  /** Called once, when the server ends by itself: an engine or the coordinator has. */
  readonly onDown: (reason: string) => void;
}

const HANDSHAKE_ADDRESS = 'ipc://handshake';
const MASTER_PORT = 29_500;
/** The one process beside the engines that a fault may stop, as its pid. */
const COORDINATOR_PID = 1;

export class SimulatedServer {
  readonly plan: ParallelPlan;
  readonly engines: ReadonlyMap<EngineIndex, SimulatedEngine>;
  /** Where faults are begun and ended. */
  readonly desk: FaultDesk;
  /** Null before the server serves. */
  metrics: FrontendMetrics | null = null;
  readonly #options: SimulatedServerOptions;
  readonly #model: ModelPlan;
  readonly #transport: Transport;
  readonly #frontend: SimulatedProcess;
  readonly #coordinator: SimulatedProcess;
  #api: ApiServer | null = null;
  #isServing = false;
  #isOver = false;

  /** Throws config errors, and what vLLM's planner says of a model that does not fit. */
  constructor(options: SimulatedServerOptions) {
    const { args, time } = options;
    this.#options = options;
    this.#model = loadModelPlan(modelOptionsOf(args));
    this.plan = createParallelPlan(args, this.#model.facts.isMoe);
    refuseWhatIsElsewhere(args, this.plan);
    this.#transport = createInMemoryTransport({
      copies: false,
      onTransit: (_transit, deliver) => time.soon(deliver),
    });
    this.#frontend = new SimulatedProcess(time, this.#transport);
    this.#coordinator = new SimulatedProcess(time, this.#transport);
    this.engines = new Map(
      this.plan.engineRanksStarted.map((rank) => [rank, this.#createEngine(rank)]),
    );
    const reports = new ReportOrder();
    for (const [rank, engine] of this.engines) reports.attach(rank, engine);
    this.desk = this.#createDesk();
  }

  /** It answers. */
  get isServing(): boolean {
    return this.#isServing && !this.#isOver;
  }

  /** The API server's inside. */
  get api(): ApiServer {
    if (this.#api === null) throw new StartupError('E_INTERRUPTED', 'the server has not started');
    return this.#api;
  }

  get http(): HttpServer {
    const { http } = this.api;
    if (http === null) throw new StartupError('E_INTERRUPTED', 'the server has not started');
    return http;
  }

  /** Resolves with its address once it serves; empty where it does not listen. Lets time pass where a start takes some. */
  async start(): Promise<string> {
    const { args, time, codec } = this.#options;
    const api = await time.standStill(this.#bindApi());
    this.#api = api;
    const coordinator = this.plan.runsCoordinator ? await this.#startCoordinator() : null;
    const serving = api.start(Promise.resolve(coordinator?.frontendStatsPublishAddress ?? null));
    serving.catch(() => {});
    const startup = new EngineStartup({
      engines: this.plan.enginesToHandshake,
      remoteShouldBeHeadless: this.plan.remoteShouldBeHeadless,
      expectsParallelConfigHash: this.plan.coordinatedDp,
      parallelConfigHash: null,
    });
    const handshake = await HandshakeServer.bind({
      transport: this.#frontend.transport,
      codec,
      address: HANDSHAKE_ADDRESS,
      startup,
      metadata: Promise.resolve(
        handshakeMetadata({
          vllmVersion: args.vllmVersion,
          clients: [api.client.addresses],
          coordinator,
          meeting: this.plan.coordinatedDp
            ? { host: '127.0.0.1', port: MASTER_PORT, size: this.plan.dataParallelSize }
            : null,
        }),
      ),
      logger: this.#options.logger,
    });
    const running = [...this.engines.values()].map((engine) => engine.run());
    const ready = Promise.all([handshake.waitUntilComplete(), api.client.waitUntilReady()]);
    const broken = Promise.race(running).then(() => ready);
    try {
      const withinMs = args.engineReadyTimeout * 1000;
      const isReady = await time.pass(Promise.race([ready, broken]), withinMs);
      if (!isReady) throw lateError(args, startup.describeMissing() || api.describeMissing());
    } finally {
      await handshake.close();
    }
    const address = await time.standStill(serving);
    this.#isServing = true;
    return address;
  }

  /** Ends all of it; what runs gets its error. Idempotent. */
  async close(): Promise<void> {
    this.#isOver = true;
    for (const engine of this.engines.values()) engine.kill();
    this.#coordinator.end();
    if (this.#api !== null) await this.#options.time.standStill(this.#api.close());
    this.#frontend.end();
  }

  #bindApi(): Promise<ApiServer> {
    const { args, time, codec, logger, randomHex, listens, startFaults } = this.#options;
    return ApiServer.bind(
      {
        args: { ...args, host: '127.0.0.1', port: 0, uds: null },
        plan: this.plan,
        model: this.#model,
        codec,
        env: this.#options.env,
        clock: time,
        timers: this.#frontend,
        logger,
        clientIndex: 0,
        ordersReports: ordersReports(startFaults),
        onEngineDead: (death) => this.#onDeath(death),
        listens,
        wrapMetrics: (metrics) => {
          this.metrics = metrics;
          return metrics;
        },
        own: { randomHex, readProcessFigures: simulatedProcessFigures(time) },
      },
      this.#frontend.transport,
      { input: 'ipc://input', output: 'ipc://output' },
    );
  }

  async #startCoordinator(): Promise<DPCoordinatorProc['addresses']> {
    const { time, codec, logger } = this.#options;
    const { addresses } = await DPCoordinatorProc.start(
      {
        engineCount: this.plan.dataParallelSize,
        enableWaveCoordination: this.plan.coordinatedDp,
        frontendStatsPublishAddress: 'ipc://stats',
        coordinatorInputAddress: 'ipc://coordinator-input',
        coordinatorOutputAddress: 'ipc://coordinator-output',
      },
      {
        transport: this.#coordinator.transport,
        codec,
        clock: time,
        timers: this.#coordinator,
        logger,
      },
    );
    return addresses;
  }

  #createEngine(rank: EngineIndex): SimulatedEngine {
    const { args, time, codec, logger, startFaults } = this.#options;
    return new SimulatedEngine({
      config: {
        args: argsOfRank(args, rank),
        rank,
        localRank: rank,
        handshakeAddress: HANDSHAKE_ADDRESS,
        clientHandshakeAddress: null,
        privateDirectory: null,
        headless: false,
        faultPlan: startPlanOf(startFaults, rank),
      },
      process: new SimulatedProcess(time, this.#transport),
      time,
      codec,
      logger,
      onExit: (exit) => this.#onExit(rank, exit),
    });
  }

  #createDesk(): FaultDesk {
    const { time, logger } = this.#options;
    const timers = this.#frontend;
    return new FaultDesk({
      clock: time,
      logger,
      engineRanks: () => this.plan.engineRanksManaged,
      askEngine: (rank, method, args) =>
        this.api.callEngine(rank, method, args).then(
          (value) => ({ isOk: true, value }),
          (error: unknown) => ({
            isOk: false,
            status: 400,
            message: reasonOf(error),
          }),
        ),
      isGone: (rank) => this.engines.get(rank as EngineIndex)?.hasExited ?? true,
      processes: new ProcessFaults({
        coordinatorPid: () => (this.plan.runsCoordinator ? COORDINATOR_PID : null),
        apiServerPids: () => [],
        kill: () => this.#killCoordinator(),
        stop: () => {
          this.#coordinator.stop();
          return () => this.#coordinator.goOn();
        },
        timers,
      }),
      onChange: (records) => this.#api?.showFaults(records),
      timers,
    });
  }

  #killCoordinator(): void {
    this.#coordinator.end();
    this.#options.time.soon(() => this.#goDown('Process DPCoordinator ended with signal SIGKILL'));
  }

  /** As the launcher: an engine's end is the death of the engine. */
  #onExit(rank: EngineIndex, exit: EngineExit): void {
    if (this.#isOver) return;
    this.#api?.markEngineDead(rank, `EngineCore_DP${rank} ended with ${describeExit(exit)}`);
  }

  /** As main.ts: the running requests have got their error, and the server ends. */
  #onDeath({ reason, numRequests }: EngineDeath): void {
    const { time, env } = this.#options;
    if (env.keepAliveOnEngineDeath) return;
    const goDown = (): void => this.#goDown(`an engine core died: ${reason}`);
    // An idle server stays until its watchdog looks: /health says 503 meanwhile.
    if (numRequests === 0) time.after(WATCHDOG_MS, goDown);
    else time.soon(goDown);
  }

  #goDown(reason: string): void {
    if (this.#isOver) return;
    void this.close();
    this.#options.onDown(reason);
  }
}

/** Throws E_BAD_FLAG. */
function refuseWhatIsElsewhere(args: EngineArgs, plan: ParallelPlan): void {
  if ((args.apiServerCount ?? 1) > 1) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--api-server-count ${args.apiServerCount}: a simulation has one API server; leave it out, or set it to 1`,
    );
  }
  if (plan.mode === 'internal' && plan.engineRanksStarted.length === plan.dataParallelSize) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    'a simulation has all engines in it: leave out the flags that put ranks elsewhere (--data-parallel-size-local, --data-parallel-start-rank, --data-parallel-rank, --data-parallel-external-lb, --data-parallel-hybrid-lb)',
  );
}

function lateError({ engineReadyTimeout }: EngineArgs, missing: string): StartupError {
  return new StartupError(
    'E_STARTUP_TIMEOUT',
    `Timed out waiting for engine core processes to start: ${missing}. Waited ${engineReadyTimeout}s (--engine-ready-timeout sets the wait)`,
  );
}
