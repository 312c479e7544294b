/**
 * An engine-core process: shakes hands, sizes and allocates its KV cache, says it is ready, and runs until it is told to
 * stop, its parent or its frontend is gone, or it breaks. Exit codes as vLLM's: 0 after a signal, 1 otherwise.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_engine_core (0.33.0).
 */
import { rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemClock } from '../shared/clock.ts';
import {
  decodeProcessConfig,
  type EngineProcessConfig,
} from '../shared/config/engine-process-config.ts';
import { TwinError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { encodeReadyResponse } from '../shared/protocol/codec.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { createZmqTransport } from '../shared/transport/zmq.ts';
import { DPEngineCore } from './dp-engine-core.ts';
import { type DpGroup, joinDpGroup } from './dp-group.ts';
import type { EngineCore } from './engine-core.ts';
import { EngineCoreProc } from './engine-core-proc.ts';
import { buildEngineCore, type EngineSetup, setUpEngine } from './engine-setup.ts';
import { InputSockets } from './input-sockets.ts';
import { KVEventPublisher } from './kv-event-publisher.ts';
import { kvEventsConfigOf } from './kv-events-config.ts';
import { OutputSockets } from './output-sockets.ts';
import { computeParallelConfigHash } from './parallel-config-hash.ts';
import { createReadyResponse } from './ready-response.ts';
import { type Handshake, shakeHands } from './startup-handshake.ts';

/** How long an engine that lost its frontend waits for it to come back. */
const FRONTEND_LOST_MS = 3_000;

/** What ends the process from outside, from the first moment on. */
class LifeLine {
  isShutdownRequested = false;
  #onShutdown: (() => void) | null = null;

  constructor(logger: Logger, config: EngineProcessConfig) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        logger.info(`[shutdown] EngineCore: trigger received signal=${signal}`);
        this.isShutdownRequested = true;
        if (this.#onShutdown === null) process.exit(0);
        this.#onShutdown();
      });
    }
    if (process.send === undefined) return;
    process.on('disconnect', () => {
      logger.warn('The parent process is gone; the engine core ends too');
      removePrivateDirectory(config.clientHandshakeAddress ?? config.handshakeAddress);
      process.exit(1);
    });
  }

  onShutdown(handler: () => void): void {
    this.#onShutdown = handler;
    if (this.isShutdownRequested) handler();
  }
}

/** A frontend that was killed leaves its sockets' folder behind; whoever notices first removes it. */
function removePrivateDirectory(address: string): void {
  if (!address.startsWith('ipc://')) return;
  const folder = dirname(address.slice('ipc://'.length));
  if (basename(folder).startsWith('vllm-twin-')) rmSync(folder, { recursive: true, force: true });
}

async function run(config: EngineProcessConfig, logger: Logger): Promise<void> {
  const lifeLine = new LifeLine(logger, config);
  const transport = createZmqTransport();
  const { args, rank } = config;
  // Sizing runs while HELLO travels; whichever fails first ends the start.
  const handshaking = shakeHands({
    transport,
    rank,
    handshakeAddress: config.handshakeAddress,
    clientHandshakeAddress: config.clientHandshakeAddress,
    headless: config.headless,
    timeoutSeconds: args.handshakeTimeout,
  });
  const setup = Promise.resolve().then(() => setUpEngine(args));
  const [handshake, sized] = await Promise.all([handshaking, setup]);
  const engine = await startEngine({ config, logger, transport, handshake, setup: sized });
  lifeLine.onShutdown(() => engine.proc.requestShutdown());
  await serveUntilDone(engine, logger);
}

interface RunningEngine {
  readonly proc: EngineCoreProc;
  readonly outputs: OutputSockets;
  close(): Promise<void>;
}

interface StartOptions {
  readonly config: EngineProcessConfig;
  readonly logger: Logger;
  readonly transport: Transport;
  readonly handshake: Handshake;
  readonly setup: EngineSetup;
}

/** Sockets, ready response, the coordinator's READY, and READY. */
async function startEngine(options: StartOptions): Promise<RunningEngine> {
  const { config, logger, transport, handshake, setup } = options;
  const { args, rank } = config;
  for (const line of setup.logLines) logger.info(line);
  const isMoeDp = args.dataParallelSize > 1 && setup.model.facts.isMoe;
  const { addresses } = handshake;
  const hasInternalLb = addresses.coordinatorOutput !== null && !args.dataParallelExternalLb;
  const publisher = await KVEventPublisher.create(kvEventsConfigOf(args.kvEventsConfig), {
    transport,
    logger,
    dataParallelRank: rank,
  });
  const kvEvents: KVEventsConfig | null = publisher?.config ?? null;
  const placement = { rank, hasInternalLb, isMoeDp };
  const core = buildEngineCore(
    setup,
    placement,
    systemClock,
    kvEvents,
    isMoeDp ? DPEngineCore : undefined,
  );
  const group = isMoeDp ? await joinGroup(options, core) : null;
  const outputs = new OutputSockets(transport, addresses);
  const proc = new EngineCoreProc({
    core,
    clock: systemClock,
    logger,
    outputs,
    publishKvEvents: publisher === null ? null : publishWith(publisher),
    publishesCounts: hasInternalLb,
    agree: group === null ? null : (vote) => group.agree(vote),
  });
  const inputs = new InputSockets({
    transport,
    addresses,
    rank,
    logger,
    onInput: (input) => proc.push(input),
    onConnection: watchFrontend(logger),
  });
  inputs.announce(
    encodeReadyResponse(
      createReadyResponse({
        setup,
        rank,
        addresses,
        dataParallelSize: isMoeDp ? args.dataParallelSize : 1,
        kvEventsConfig: kvEvents,
        instanceId: String(BigInt(Math.round(systemClock.wallMs() * 1e6))),
      }),
    ),
  );
  await inputs.waitForCoordinator(args.coordinatorReadyTimeout);
  await handshake.ready(
    isMoeDp ? computeParallelConfigHash(args, setup.scheduler.asyncScheduling) : null,
  );
  return {
    proc,
    outputs,
    close: async () => {
      await Promise.all([inputs.close(), outputs.close(), publisher?.close(), group?.close()]);
    },
  };
}

function publishWith(publisher: KVEventPublisher) {
  return (events: Parameters<KVEventPublisher['publish']>[0]['events']): void =>
    publisher.publish({ ts: systemClock.wallMs() / 1000, events, dataParallelRank: null });
}

function joinGroup(
  { config, transport, handshake }: StartOptions,
  core: EngineCore,
): Promise<DpGroup> {
  const { args, rank } = config;
  if (core instanceof DPEngineCore) {
    core.hasCoordinator = handshake.addresses.coordinatorOutput !== null;
    core.prefillScheduleInterval = args.prefillScheduleInterval;
  }
  const ip = String(handshake.parallelConfig['data_parallel_master_ip'] ?? '127.0.0.1');
  const port = Number(handshake.parallelConfig['data_parallel_master_port'] ?? DEFAULT_MASTER_PORT);
  return joinDpGroup(transport, {
    address: `tcp://${ip}:${port}`,
    rank,
    size: args.dataParallelSize,
  });
}

/** Source: vllm/config/parallel.py data_parallel_master_port. */
const DEFAULT_MASTER_PORT = 29_500;

/** Ends the process when every API server has been gone for a while: an engine without a frontend serves nobody. */
function watchFrontend(logger: Logger): (isConnected: boolean) => void {
  let numConnected = 0;
  let timer: NodeJS.Timeout | null = null;
  return (isConnected) => {
    numConnected += isConnected ? 1 : -1;
    if (numConnected > 0) {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    } else if (!isConnected && timer === null) {
      timer = setTimeout(() => {
        logger.warn(
          `The frontend has been gone for ${FRONTEND_LOST_MS / 1000} s; the engine core ends too`,
        );
        process.exit(1);
      }, FRONTEND_LOST_MS);
      timer.unref();
    }
  };
}

/** Runs the busy loop; an engine that breaks tells its clients before it ends. */
async function serveUntilDone(engine: RunningEngine, logger: Logger): Promise<void> {
  try {
    await engine.proc.run();
    logger.info('[shutdown] EngineCore: exiting busy loop');
  } catch (error) {
    logger.error({ err: error }, 'EngineCore encountered a fatal error.');
    engine.outputs.sendDead();
    process.exitCode = 1;
  }
  await engine.close();
}

/** Longer than the sockets' linger: a peer that takes nothing does not keep the process. */
const END_DEADLINE_MS = 6_000;

/** Lets the process run out of work: an exit at once would cut ZeroMQ's linger short, and with it the last messages. */
function endNaturally(): void {
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(), END_DEADLINE_MS).unref();
}

const config = decodeProcessConfig(process.argv[2] ?? '{}');
const logger = createLogger({
  level: config.args.logLevel,
  bindings: { process: `EngineCore_DP${config.rank}` },
});
run(config, logger).then(
  () => endNaturally(),
  (error: unknown) => {
    if (error instanceof TwinError) logger.error(`EngineCore failed to start: ${error.message}`);
    else logger.error({ err: error }, 'EngineCore failed to start.');
    process.exit(1);
  },
);
