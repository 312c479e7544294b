/**
 * `vllm-twin serve`: starts engine cores and the coordinator, holds the handshake, serves HTTP, and ends all of it with a
 * signal, with the first process that dies, or with an engine that says so. Nothing outlives it, on disk or running.
 * Source: vllm/entrypoints/cli/serve.py, vllm/entrypoints/launchers/launcher.py (0.33.0).
 */
import { loadModelPlan } from '../capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import { checkEngineOverrides } from '../shared/config/engine-overrides.ts';
import { checkLoraConfig } from '../shared/config/lora-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { PrivateDirectory, removeOrphanedDirectories } from '../shared/private-directory.ts';
import { createFrontend, type Frontend, type ServeOptions } from './frontend.ts';
import { type HttpEnv, readHttpEnv } from './http/http-env.ts';
import { DEFAULT_HOST } from './http/listen.ts';
import { readTlsSettings } from './http/tls-settings.ts';
import { resolveApiServerCount } from './launch/api-server-count.ts';
import { describeExit, STOP_GRACE_MS } from './launch/child.ts';
import { createExitError, type FallenChild } from './launch/launch.ts';
import { systemFacts, watchLauncher } from './launch/launcher-watch.ts';
import { createParallelPlan, type ParallelPlan } from './launch/parallel-plan.ts';
import { checkPortIsFree } from './launch/port-check.ts';
import { type StopReason, StopRequest } from './launch/stop-request.ts';
import { prepareUnixSocket } from './launch/unix-socket.ts';
import { startUp } from './start-up.ts';
import type { SteppedStart } from './stepped-start.ts';

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
