/**
 * `vllm-twin serve`: starts engine cores and the coordinator, holds the handshake, serves HTTP, and ends all of it with a
 * signal, with the first process that dies, or with an engine that says so. Nothing outlives it, on disk or running.
 * Source: vllm/entrypoints/cli/serve.py, vllm/entrypoints/launchers/launcher.py (0.33.0).
 */
import { loadModelPlan } from '../capacity/file/load-model-plan.ts';
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import { systemClock } from '../shared/clock.ts';
import { checkEngineOverrides } from '../shared/config/engine-overrides.ts';
import { checkLoraConfig } from '../shared/config/lora-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError } from '../shared/errors.ts';
import type { Injection } from '../shared/faults/injection.ts';
import { ordersReports, startPlanOf } from '../shared/faults/scheduled-fault.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { PrivateDirectory, removeOrphanedDirectories } from '../shared/private-directory.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createWireCodec, type WireCodec } from '../shared/protocol/wire-codec.ts';
import { createProcessTap } from '../shared/tap/process-tap.ts';
import type { Tap } from '../shared/tap/tap.ts';
import { tapTransport } from '../shared/tap/tapped-transport.ts';
import type { Transport } from '../shared/transport/transport.ts';
import type { LessonState } from '../shared/twin-api/state.ts';
import type { EngineDeath, Serving } from './api-server/serving.ts';
import type { ReadyEngines } from './engine-client/ready-engines.ts';
import { type HttpEnv, readHttpEnv } from './http/http-env.ts';
import { DEFAULT_HOST } from './http/listen.ts';
import { readTlsSettings } from './http/tls-settings.ts';
import { resolveApiServerCount } from './launch/api-server-count.ts';
import { describeExit, STOP_GRACE_MS } from './launch/child.ts';
import { withStartupDeadline } from './launch/deadline.ts';
import { createExitError, EngineLaunch, type FallenChild } from './launch/launch.ts';
import { systemFacts, watchLauncher } from './launch/launcher-watch.ts';
import { createParallelPlan, type ParallelPlan } from './launch/parallel-plan.ts';
import { checkPortIsFree } from './launch/port-check.ts';
import { type StopReason, StopRequest } from './launch/stop-request.ts';
import { prepareUnixSocket } from './launch/unix-socket.ts';
import { WATCHDOG_MS } from './launch/watchdog.ts';
import {
  createCoordinatorCommand,
  createEngineCommand,
  standInSentence,
} from './serve-settings.ts';
import type { SteppedStart } from './stepped-start.ts';
import { pageAddressOf } from './twin/page-address.ts';
import type { TwinHub } from './twin/twin-hub.ts';
import { createTwinHub } from './twin-of-server.ts';

/** A server that has begun to listen. */
export interface StartedServer {
  /** `http://127.0.0.1:8000`, or `unix:/path`. */
  readonly address: string;
  readonly engines: ReadyEngines;
}

/** What `serve` is asked to do beside serving. */
export interface ServeOptions {
  /** Called once it listens. */
  readonly onStarted: (server: StartedServer) => void;
  /** Its address is told by `onStarted` alone, and not written to stdout. */
  readonly isQuiet?: boolean;
  /** Captions on the page. */
  readonly lesson?: LessonState;
  /** Faults before the engines' HELLO. */
  readonly startFaults?: readonly Injection[];
}

interface Frontend extends ServeOptions {
  readonly args: EngineArgs;
  readonly plan: ParallelPlan;
  readonly model: ModelPlan;
  readonly codec: WireCodec;
  readonly env: HttpEnv;
  readonly logger: Logger;
  readonly directory: PrivateDirectory;
  readonly launch: EngineLaunch;
  readonly stop: StopRequest;
  readonly tap: Tap;
  readonly twin: TwinHub;
  /** Null without --handshake-step. */
  readonly steps: SteppedStart | null;
  /** Null until it is bound. */
  serving: Serving | null;
  /** Where it listens; null until it does. */
  address: string | null;
  /** It listens. */
  isServing: boolean;
  /** Nothing may be started any more. */
  isOver: boolean;
}

/**
 * Resolves with the exit code once everything has ended; `onStarted` is called once it listens. Throws config and start-up
 * errors, having cleaned up.
 */
export async function runServe(args: EngineArgs, options: ServeOptions): Promise<number> {
  // Everybody on the machine can read a command line; a title takes its place.
  if (args.apiKey.length > 0) process.title = 'VLLM::APIServer';
  const logger = createLogger({
    level: args.logLevel,
    format: args.logFormat,
    bindings: { process: 'APIServer' },
  });
  const stop = new StopRequest();
  let leaveNothing = (): void => {};
  stop.listenToSignals(process, (exitCode) => {
    leaveNothing();
    process.exit(exitCode);
  });
  const stopWatching = watchLauncher(systemFacts(), (name) =>
    stop.request({ kind: 'launcher', message: `${name}, which started it, is gone` }),
  );
  try {
    const prepared = await prepare(args);
    const steps = await createSteps(prepared, args, logger);
    const { note } = resolveApiServerCount(args);
    if (note !== null) logger.info(note);
    if (stop.isRequested) return 0;
    // From here to the end of the children's start nothing else runs: no signal comes between.
    removeOrphanedDirectories();
    const directory = PrivateDirectory.create();
    for (const place of directory.refused)
      logger.warn(`Sockets are in ${directory.path}: no folder can be made in ${place}`);
    const parts = { ...prepared, ...options, args, logger, stop, steps };
    const frontend = createFrontend(parts, directory);
    leaveNothing = (): void => {
      frontend.launch.killAll();
      frontend.serving?.kill();
      directory.remove();
    };
    return await runFrontend(frontend, leaveNothing);
  } finally {
    stopWatching();
    stop.stopListening();
  }
}

type Prepared = Pick<Frontend, 'plan' | 'model' | 'env'>;

/** What can be known to be wrong before anything is started. */
async function prepare(args: EngineArgs): Promise<Prepared> {
  const env = readHttpEnv(process.env);
  readTlsSettings(args);
  checkEngineOverrides(args, args.dataParallelSize);
  const model = loadModelPlan(modelOptionsOf(args));
  checkLoraConfig(args, model.facts.servedArchitecture);
  const plan = createParallelPlan(args, model.facts.isMoe);
  checkApiServerCount(plan, env);
  if (args.uds === null) {
    await checkPortIsFree({ host: args.host ?? DEFAULT_HOST, port: args.port });
  } else await prepareUnixSocket(args.uds);
  return { env, model, plan };
}

/** Loaded only where it is asked for. Throws E_BAD_FLAG. */
async function createSteps(
  { env, plan }: Prepared,
  args: EngineArgs,
  logger: Logger,
): Promise<SteppedStart | null> {
  if (!args.handshakeStep) return null;
  const { SteppedStart } = await import('./stepped-start.ts');
  return new SteppedStart({ args, env, plan, logger });
}

type FrontendParts = Pick<
  Frontend,
  | 'onStarted'
  | 'startFaults'
  | 'isQuiet'
  | 'lesson'
  | 'args'
  | 'plan'
  | 'model'
  | 'env'
  | 'logger'
  | 'stop'
  | 'steps'
>;

function createFrontend(parts: FrontendParts, directory: PrivateDirectory): Frontend {
  const { args, plan, logger } = parts;
  const { vllmVersion } = args;
  const codec = createWireCodec(WIRE_VERSIONS[vllmVersion]);
  try {
    const launch = new EngineLaunch({
      vllmVersion,
      plan,
      codec,
      directory,
      logger,
      onLogLine: writeLogLine,
      engineCommand: createEngineCommand(args, process.env, (rank) =>
        startPlanOf(parts.startFaults ?? [], rank),
      ),
      coordinatorCommand: createCoordinatorCommand(args, process.env),
      parallelConfigHash: null,
      stepper: parts.steps?.stepper ?? null,
    });
    const tap = createProcessTap({
      process: processNameOf(args),
      vllmVersion,
      record: args.record,
      ringFrames: args.tap,
      clock: systemClock,
      logger,
    });
    const frontend: Omit<Frontend, 'twin'> = {
      ...parts,
      codec,
      directory,
      launch,
      tap,
      serving: null,
      address: null,
      isServing: false,
      isOver: false,
    };
    const twin = createTwinHub(frontend);
    return Object.assign(frontend, { twin });
  } catch (error) {
    directory.remove();
    throw error;
  }
}

/** Servers of an external load balancer, each of one rank, are told apart by it. */
function processNameOf({ dataParallelExternalLb, dataParallelRank }: EngineArgs): string {
  return dataParallelExternalLb && dataParallelRank !== null
    ? `APIServer_DPRank_${dataParallelRank}`
    : 'APIServer';
}

async function runFrontend(frontend: Frontend, leaveNothing: () => void): Promise<number> {
  process.once('exit', leaveNothing);
  try {
    return await serve(frontend);
  } finally {
    frontend.isOver = true;
    frontend.steps?.abandon();
    await frontend.twin.close();
    await frontend.launch.stop(STOP_GRACE_MS);
    await Promise.all([frontend.serving?.close(), frontend.steps?.early?.close()]);
    frontend.directory.remove();
    process.off('exit', leaveNothing);
  }
}

/** Source: vllm/entrypoints/cli/serve.py run_multi_api_server. */
function checkApiServerCount({ apiServerCount }: ParallelPlan, env: HttpEnv): void {
  if (apiServerCount > 1 && env.allowRuntimeLoraUpdating) {
    throw new ConfigError(
      'E_BAD_FLAG',
      'VLLM_ALLOW_RUNTIME_LORA_UPDATING cannot be used with api_server_count > 1',
    );
  }
}

/** Until the first reason to stop; then the orderly end of it. */
async function serve(frontend: Frontend): Promise<number> {
  const { launch, logger, stop } = frontend;
  const fallen = launch.waitForFall();
  const starting = startUp(frontend);
  starting.catch(() => {});
  await Promise.race([
    starting,
    fallen.then((child) => Promise.reject(createExitError(child))),
    stop.requested,
  ]);
  void fallen.then((child) => onFall(frontend, child));
  const reason = await stop.requested;
  await shutDown(frontend, reason);
  logger.info('[shutdown] API server: complete');
  return reason.kind === 'failure' ? 1 : 0;
}

/** Sockets, handshake, ready responses, HTTP: all under one deadline. */
async function startUp(frontend: Frontend): Promise<void> {
  const { args, launch, logger, tap, steps } = frontend;
  let describeHandshakes = (): string => 'the handshake has not begun';
  const start = async (): Promise<void> => {
    const { createZmqTransport } = await import('../shared/transport/zmq.ts');
    await steps?.open(frontend.twin);
    const tapped = tapTransport(createZmqTransport(), tap);
    const transport = steps?.step(tapped) ?? tapped;
    const serving = await bindServing(frontend, transport);
    frontend.serving = serving;
    // The end of this process does not wait for what is made after it was decided.
    if (isEnding(frontend)) return serving.close();
    const shaking = launch.shakeHands(transport, serving.clientAddresses, (describe) => {
      describeHandshakes = describe;
    });
    const [address] = await Promise.all([
      serving.start(launch.getStatsPublishAddress(), shaking),
      shaking,
    ]);
    await steps?.finish();
    if (isEnding(frontend)) return;
    frontend.address = address;
    frontend.isServing = true;
    logger.info(`Starting vLLM server on ${address}`);
    const standIn = standInSentence(args);
    if (standIn !== null) logger.info(standIn);
    logger.info(`The twin's page is at ${pageAddressOf(address, args.rootPath)}`);
    if (frontend.isQuiet !== true) process.stdout.write(`${address}\n`);
    frontend.onStarted({ address, engines: serving.engines });
  };
  await withStartupDeadline(start(), {
    timeoutMs: args.engineReadyTimeout * 1000,
    describeMissing: () => describeHandshakes() || (frontend.serving?.describeMissing() ?? ''),
    standstill: steps?.stepper ?? null,
  });
}

function isEnding({ isOver, stop }: Frontend): boolean {
  return isOver || stop.isRequested;
}

async function bindServing(frontend: Frontend, transport: Transport): Promise<Serving> {
  const { args, plan, model, codec, env, logger, launch, stop } = frontend;
  const onEngineDead = (death: EngineDeath): void => onDeath(frontend, death);
  if (plan.apiServerCount > 1) {
    const { ApiServerProcesses } = await import('./api-server/processes.ts');
    return new ApiServerProcesses({
      args,
      count: plan.apiServerCount,
      addressesOf: (clientIndex) => launch.clientAddresses(clientIndex),
      env: process.env,
      privateDirectory: frontend.directory.path,
      ordersReports: ordersReports(frontend.startFaults ?? []),
      onEngineDead,
      twin: frontend.twin,
      onFall: (message) => {
        if (!isEnding(frontend)) logger.error(`Process ${message}`);
        stop.request({ kind: 'failure', message: `Process ${message}` });
      },
    });
  }
  const { ApiServer } = await import('./api-server/api-server.ts');
  const given = { args, plan, model, codec, env, logger, clock: systemClock };
  const own = {
    ...given,
    onEngineDead,
    ordersReports: ordersReports(frontend.startFaults ?? []),
  };
  return ApiServer.bind(
    { ...own, clientIndex: 0, twin: frontend.twin, early: frontend.steps?.early ?? null },
    transport,
    launch.clientAddresses(0),
  );
}

/** The running requests have got their error: the server ends, unless it is to stay. */
function onDeath(frontend: Frontend, { reason, numRequests }: EngineDeath): void {
  const { env, launch, logger, plan, stop } = frontend;
  if (isEnding(frontend)) return;
  logger.error(`Engine core died unexpectedly: ${reason}`);
  if (env.keepAliveOnEngineDeath) {
    void launch.stop(STOP_GRACE_MS);
    return;
  }
  const request = (): void => stop.request({ kind: 'failure', message: 'an engine core died' });
  // An idle server stays until its watchdog looks, as vLLM's: /health says 503 meanwhile.
  const isIdle = numRequests === 0 && plan.apiServerCount === 1;
  if (isIdle) setTimeout(request, WATCHDOG_MS).unref();
  else setImmediate(request);
}

/** An engine's end is the death of the engine; the coordinator's ends the server, as that of any process of vLLM's. */
function onFall({ logger, stop, serving }: Frontend, { rank, exit }: FallenChild): void {
  const what = `${exit.name} ended with ${describeExit(exit)}`;
  if (rank !== null) {
    serving?.markEngineDead(rank, what);
    return;
  }
  logger.error(`Process ${what}`);
  stop.request({ kind: 'failure', message: `Process ${what}` });
}

/** Engines first, so that running requests get their last output; then HTTP and its sockets. */
async function shutDown(
  { args, launch, logger, serving, steps, twin }: Frontend,
  reason: StopReason,
): Promise<void> {
  steps?.abandon();
  // A stopped process hears of no end.
  await twin.close();
  const timeout = args.shutdownTimeout;
  const why = reason.kind === 'signal' ? reason.signal : reason.message;
  const mode = timeout === 0 ? 'abort' : 'drain';
  logger.info(
    `[shutdown] API server: ${why}, stopping engine client mode=${mode} timeout=${timeout}s`,
  );
  await launch.stop(STOP_GRACE_MS + timeout * 1000);
  logger.info('[shutdown] API server: engine client stopped, shutting down HTTP server');
  await serving?.close();
}

/** Lines of children, which whoever reads this process's log may not want any more. */
function writeLogLine(line: string): void {
  if (process.stderr.writable) process.stderr.write(`${line}\n`);
}
