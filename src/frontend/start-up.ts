/** The start of a server, and what is to be done where an engine dies in it or later. */
import { systemClock } from '../shared/clock.ts';
import { ordersReports } from '../shared/faults/scheduled-fault.ts';
import { tapTransport } from '../shared/tap/tapped-transport.ts';
import type { Transport } from '../shared/transport/transport.ts';
import type { EngineDeath, Serving } from './api-server/serving.ts';
import { type Frontend, isEnding } from './frontend.ts';
import { STOP_GRACE_MS } from './launch/child.ts';
import { withStartupDeadline } from './launch/deadline.ts';
import { WATCHDOG_MS } from './launch/watchdog.ts';
import { standInSentence } from './serve-settings.ts';
import { pageAddressOf } from './twin/page-address.ts';

/** Sockets, handshake, ready responses, HTTP: all under one deadline. */
export async function startUp(frontend: Frontend): Promise<void> {
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
