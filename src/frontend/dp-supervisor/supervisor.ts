/**
 * `--data-parallel-multi-port-external-lb`: one server process a local rank, each on a port of its own, and over them a
 * port for whoever watches this node. The first server that ends or falls ill ends all of them.
 * Source: vllm/entrypoints/launchers/dp_supervisor.py DPSupervisor (0.33.0).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { createLogger, type Logger } from '../../shared/logger.ts';
import { ownProgram } from '../../shared/own-files.ts';
import { checkBalancingFlags } from '../launch/api-server-count.ts';
import { Child, STOP_GRACE_MS, stopChildren } from '../launch/child.ts';
import { StopRequest } from '../launch/stop-request.ts';
import { HealthServer } from './health-server.ts';
import { checkMultiPortArgs, probeUrlOf, serverArgsOf } from './plan.ts';
import { isHealthy } from './probe.ts';

/** What a server gets to end by itself beyond what its own engines get. vLLM's CHILD_EXIT_GRACE_S. */
const CHILD_EXIT_GRACE_MS = 5_000;

export async function runDpSupervisor(args: EngineArgs): Promise<number> {
  checkMultiPortArgs(args);
  checkBalancingFlags(args);
  const logger = createLogger({ level: args.logLevel, bindings: { process: 'DPSupervisor' } });
  const stop = new StopRequest();
  const servers: Child[] = [];
  const killAll = (): void => {
    for (const server of servers) server.signal('SIGKILL');
  };
  stop.listenToSignals(process, (exitCode) => {
    killAll();
    process.exit(exitCode);
  });
  process.once('exit', killAll);
  logger.info('Launching vLLM DP Servers');
  for (const own of serverArgsOf(args)) servers.push(startServer(own));
  try {
    await supervise(args, servers, stop, logger);
    // As vLLM: whatever ended it, the supervisor itself has not failed.
    return 0;
  } finally {
    logger.info('DPSupervisor forwarding SIGTERM to DP Servers.');
    await stopChildren(servers, args.shutdownTimeout * 1000 + STOP_GRACE_MS + CHILD_EXIT_GRACE_MS);
    process.off('exit', killAll);
    stop.stopListening();
  }
}

/** Its settings travel over the channel, so that none of them stands in the list of processes. */
function startServer(args: EngineArgs): Child {
  const server = new Child(
    {
      name: `APIServer_DPRank_${args.dataParallelRank}`,
      modulePath: ownProgram('frontend/dp-supervisor/main'),
      args: [],
      env: process.env,
      isDetached: true,
    },
    (line) => process.stderr.write(`${line}\n`),
  );
  server.send(args);
  return server;
}

/** Resolves when it is time to end. */
async function supervise(
  args: EngineArgs,
  servers: readonly Child[],
  stop: StopRequest,
  logger: Logger,
): Promise<void> {
  const ending = new AbortController();
  void stop.requested.then((reason) => {
    if (reason.kind === 'signal')
      logger.info(`DPSupervisor received ${reason.signal}, shutting down.`);
    ending.abort();
  });
  for (const server of servers)
    void server.exited.then(() => {
      if (ending.signal.aborted) return;
      logger.info('DPSupervisor found 1 exited DP Servers.');
      stop.request({ kind: 'failure', message: `${server.name} ended` });
    });
  const state = { isReady: false };
  const probing = probeAll(args, ending.signal, state, logger);
  logger.info('Waiting for vLLM DP Servers to become ready.');
  let health: HealthServer | null = null;
  if (await probing.ready) {
    // Only now: before, a balancer would see 503 where it should see nobody.
    health = await HealthServer.listen(args, () => state.isReady && !ending.signal.aborted);
    logger.info(`Started DPSupervisor on ${health.address}`);
    process.stdout.write(`${health.address}\n`);
  }
  await Promise.race([probing.ended, stop.requested]);
  state.isReady = false;
  ending.abort();
  await health?.close();
}

interface Probing {
  /** True once all servers are healthy; false where it ends before. */
  readonly ready: Promise<boolean>;
  /** Resolves once a server that was healthy is not any more, or with the signal. */
  readonly ended: Promise<void>;
}

function probeAll(
  args: EngineArgs,
  signal: AbortSignal,
  state: { isReady: boolean },
  logger: Logger,
): Probing {
  let onReady: (isReady: boolean) => void = () => {};
  const ready = new Promise<boolean>((resolve) => {
    onReady = resolve;
  });
  const intervalMs = args.dpSupervisorProbeIntervalS * 1000;
  const urls = serverArgsOf(args).map(probeUrlOf);
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const results = await Promise.all(
        urls.map((url) =>
          isHealthy({
            url,
            timeoutMs: args.dpSupervisorProbeTimeoutS * 1000,
            failureThreshold: state.isReady ? args.dpSupervisorProbeFailureThreshold : 1,
            retryDelayMs: intervalMs,
            signal,
          }),
        ),
      );
      if (signal.aborted) break;
      const numUnhealthy = results.filter((isUp) => !isUp).length;
      if (numUnhealthy === 0) {
        state.isReady = true;
        onReady(true);
      } else if (state.isReady) {
        logger.info(`DPSupervisor probe found ${numUnhealthy} unhealthy DP Servers.`);
        state.isReady = false;
        break;
      }
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
    }
    onReady(false);
  };
  return { ready, ended: run() };
}
