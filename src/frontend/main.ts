/**
 * `vllm-twin serve`: starts engine cores and the coordinator, holds the handshake, serves HTTP, and ends all of it with a
 * signal, with the first process that dies, or with an engine that says so. Nothing outlives it, on disk or running.
 * Source: vllm/entrypoints/cli/serve.py, vllm/entrypoints/launchers/launcher.py (0.33.0).
 */
import { systemClock } from '../shared/clock.ts';
import { modelOptionsOf } from '../shared/config/model-options.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { checkEngineOverrides } from '../shared/config/resolve-args.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { buildCapacityInput, type ModelPlan } from '../shared/models/capacity-builder.ts';
import type { ApiServer, ApiServerOptions } from './api-server.ts';
import type { HttpEnv } from './http/http-env.ts';
import { readHttpEnv } from './http/http-env.ts';
import { describeExit } from './launch/child.ts';
import { withStartupDeadline } from './launch/deadline.ts';
import { createExitError, EngineLaunch, type FallenChild } from './launch/launch.ts';
import { createParallelPlan, type ParallelPlan } from './launch/parallel-plan.ts';
import { checkPortIsFree } from './launch/port-check.ts';
import { PrivateDirectory, removeOrphanedDirectories } from './launch/private-directory.ts';
import { type StopReason, StopRequest } from './launch/stop-request.ts';
import { createCoordinatorCommand, createEngineCommand } from './serve-settings.ts';

/** What a child gets to end by itself, besides --shutdown-timeout. Source: vllm/v1/utils.py shutdown. */
const STOP_GRACE_MS = 5_000;
/** vLLM's watchdog sees an idle server's dead engine within this time. */
const WATCHDOG_MS = 5_000;
const DEFAULT_HOST = '127.0.0.1';

interface Frontend {
  readonly args: EngineArgs;
  readonly plan: ParallelPlan;
  readonly model: ModelPlan;
  readonly env: HttpEnv;
  readonly logger: Logger;
  readonly directory: PrivateDirectory;
  readonly launch: EngineLaunch;
  readonly stop: StopRequest;
}

/** Resolves with the exit code once everything has ended. Throws config and start-up errors, having cleaned up. */
export async function runServe(args: EngineArgs): Promise<number> {
  const logger = createLogger({ level: args.logLevel, bindings: { process: 'APIServer' } });
  checkEngineOverrides(args, args.dataParallelSize);
  const model = buildCapacityInput(modelOptionsOf(args));
  const plan = createParallelPlan(args, model.facts.isMoe);
  if (args.uds === null) {
    await checkPortIsFree({ host: args.host ?? DEFAULT_HOST, port: args.port });
  }
  removeOrphanedDirectories();
  const directory = PrivateDirectory.create(process.pid);
  const stop = new StopRequest();
  const launch = new EngineLaunch({
    plan,
    directory,
    logger,
    onLogLine: (line) => process.stderr.write(`${line}\n`),
    engineCommand: createEngineCommand(args, process.env),
    coordinatorCommand: createCoordinatorCommand(args, process.env),
    parallelConfigHash: null,
  });
  const leaveNothing = (): void => {
    launch.killAll();
    directory.remove();
  };
  stop.listenToSignals(process, (exitCode) => {
    leaveNothing();
    process.exit(exitCode);
  });
  process.once('exit', leaveNothing);
  const env = readHttpEnv(process.env);
  const frontend = { args, plan, model, env, logger, directory, launch, stop };
  try {
    return await serve(frontend);
  } finally {
    await launch.stop(STOP_GRACE_MS);
    directory.remove();
    process.off('exit', leaveNothing);
    stop.stopListening();
  }
}

async function serve(frontend: Frontend): Promise<number> {
  const { launch, stop } = frontend;
  const fallen = launch.waitForFall();
  let api: ApiServer | null = null;
  const starting = startUp(frontend, (bound) => {
    api = bound;
  });
  const early = await Promise.race([
    starting.then(() => null),
    fallen.then((child) => Promise.reject(createExitError(child))),
    stop.requested,
  ]);
  if (early !== null) {
    // Asked to stop before the start was over.
    starting.catch(() => {});
    await launch.stop(STOP_GRACE_MS);
    return early.kind === 'signal' ? 0 : 1;
  }
  void fallen.then((child) => onFall(frontend, api, child));
  const reason = await stop.requested;
  await shutDown(frontend, api, reason);
  return reason.kind === 'signal' ? 0 : 1;
}

/** Sockets, handshake, ready responses, HTTP. */
async function startUp(frontend: Frontend, onBound: (api: ApiServer) => void): Promise<void> {
  const { args, plan, launch, logger } = frontend;
  let describeMissing = (): string => 'nothing has been heard of them yet';
  await withStartupDeadline(
    (async () => {
      const { createZmqTransport } = await import('../shared/transport/zmq.ts');
      const transport = createZmqTransport();
      const { ApiServer } = await import('./api-server.ts');
      const api = await ApiServer.bind(
        apiServerOptions(frontend),
        transport,
        launch.clientAddresses(0),
      );
      onBound(api);
      const shaking = launch.shakeHands(
        transport,
        Promise.resolve([api.client.addresses]),
        (of) => {
          describeMissing = of;
        },
      );
      const [{ address }] = await Promise.all([
        api.start(launch.getStatsPublishAddress()),
        shaking,
      ]);
      logger.info(`Starting vLLM server on ${address}`);
      process.stdout.write(`${address}\n`);
    })(),
    {
      timeoutMs: args.engineReadyTimeout * 1000,
      describeMissing: () => describeMissing() || describeSilent(plan),
    },
  );
}

function describeSilent({ engineRanksManaged }: ParallelPlan): string {
  return `no ready response from ranks ${engineRanksManaged.join(', ')}`;
}

function apiServerOptions(frontend: Frontend): ApiServerOptions {
  const { args, plan, model, env, logger, stop, launch } = frontend;
  return {
    args,
    plan,
    model,
    env,
    clock: systemClock,
    logger,
    clientIndex: 0,
    onEngineDead: ({ reason, numRequests }) => {
      logger.error(`Engine core died unexpectedly: ${reason}.`);
      if (env.keepAliveOnEngineDeath) {
        void launch.stop(STOP_GRACE_MS);
        return;
      }
      const request = (): void => stop.request({ kind: 'failure', message: reason });
      if (numRequests > 0) setImmediate(request);
      else setTimeout(request, WATCHDOG_MS);
    },
  };
}

/** An engine's end is the death of the engine; the coordinator's ends the server as the death of any of vLLM's processes does. */
function onFall({ logger, stop }: Frontend, api: ApiServer | null, child: FallenChild): void {
  const what = `${child.exit.name} ended with ${describeExit(child.exit)}`;
  if (child.rank !== null) {
    api?.client.markEngineDead(child.rank, what);
    return;
  }
  logger.error(`Process ${what}`);
  stop.request({ kind: 'failure', message: what });
}

/** Engines first, so that running requests get their last output; then HTTP, then the sockets. */
async function shutDown(
  { args, launch, logger }: Frontend,
  api: ApiServer | null,
  reason: StopReason,
): Promise<void> {
  const timeout = args.shutdownTimeout;
  logger.info(
    reason.kind === 'signal'
      ? `[shutdown] API server: ${reason.signal}, stopping engine client mode=${timeout === 0 ? 'abort' : 'drain'} timeout=${timeout}s`
      : `[shutdown] API server: ${reason.message}`,
  );
  await launch.stop(STOP_GRACE_MS + timeout * 1000);
  await api?.close();
}
