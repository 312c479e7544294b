/**
 * An engine-core process: shakes hands, sizes and allocates its KV cache, says it is ready, and runs until it is told to
 * stop, its parent or its frontend is gone, or it breaks. Exit codes as vLLM's: 0 after a signal, 1 otherwise.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_engine_core (0.33.0).
 */
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import { systemClock } from '../shared/clock.ts';
import {
  type EngineProcessConfig,
  engineProcessConfigSchema,
} from '../shared/config/engine-process-config.ts';
import { readProcessArgument } from '../shared/config/process-argument.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { CONFIG_EXIT_CODE, TwinError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createWireCodec, type WireCodec } from '../shared/protocol/wire-codec.ts';
import { createProcessTap } from '../shared/tap/process-tap.ts';
import { ChildStepGate, type StepGate } from '../shared/tap/step-gate.ts';
import { createStepWords } from '../shared/tap/step-words.ts';
import { stepTransport } from '../shared/tap/stepped-transport.ts';
import type { Tap } from '../shared/tap/tap.ts';
import { tapTransport } from '../shared/tap/tapped-transport.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { createZmqTransport } from '../shared/transport/zmq.ts';
import { VLLM_VERSION } from '../shared/version.ts';
import { DPEngineCore } from './dp-engine-core.ts';
import { type DpGroup, joinDpGroup } from './dp-group.ts';
import type { EngineCore } from './engine-core.ts';
import { EngineCoreProc } from './engine-core-proc.ts';
import { buildEngineCore, type EngineSetup, setUpEngine } from './engine-setup.ts';
import { EngineWire } from './engine-wire.ts';
import { EngineFaults } from './faults/engine-faults.ts';
import { readStartupPlan, type StartupPoints } from './faults/startup-points.ts';
import { InputSockets } from './input-sockets.ts';
import { KVEventPublisher } from './kv-event-publisher.ts';
import { kvEventsConfigOf } from './kv-events-config.ts';
import { LifeLine } from './life-line.ts';
import { OutputSockets } from './output-sockets.ts';
import { computeParallelConfigHash } from './parallel-config-hash.ts';
import { createReadyResponse } from './ready-response.ts';
import { awaitReportTurn } from './report-turn.ts';
import { type Handshake, shakeHands } from './startup-handshake.ts';
import { batchQueueLine, coordinatorLine, initTookLine } from './startup-words.ts';
import { type EngineFacts, EngineViews } from './views/engine-views.ts';

/** Source: vllm/config/parallel.py data_parallel_master_port. */
const DEFAULT_MASTER_PORT = 29_500;
/** Source: torch.distributed's timeout of a gloo group. */
const DEFAULT_DP_TIMEOUT_SECONDS = 1_800;

/** Resolves with the exit code once the engine is done and its sockets are closed. */
async function run(
  config: EngineProcessConfig,
  { logger, lifeLine, tap }: { logger: Logger; lifeLine: LifeLine; tap: Tap },
): Promise<number> {
  const { args, rank } = config;
  const tapped = tapTransport(createZmqTransport(), tap);
  const gate = args.handshakeStep ? new ChildStepGate(process) : null;
  const transport = gate === null ? tapped : stepped(tapped, gate, rank);
  const codec = createWireCodec(WIRE_VERSIONS[VLLM_VERSION]);
  const startup = readStartupPlan(config.faultPlan, logger);
  // Sizing runs while HELLO travels; whichever fails first ends the start.
  const handshaking = shakeHands({
    transport,
    codec,
    rank,
    handshakeAddress: config.handshakeAddress,
    clientHandshakeAddress: config.clientHandshakeAddress,
    headless: config.headless,
    timeoutSeconds: args.handshakeTimeout,
    logger,
    standstill: gate,
    faults: startup,
  });
  const setup = Promise.resolve().then(() => {
    const startMs = systemClock.monotonicMs();
    return { ...setUpEngine(args), elapsedMs: systemClock.monotonicMs() - startMs };
  });
  const [handshake, sized] = await Promise.all([handshaking, setup]);
  const own = { config, logger, lifeLine, tap, transport, gate, codec, startup };
  const options = { ...own, handshake, setup: sized };
  const engine = await startEngine(options);
  lifeLine.onShutdown(() => engine.proc.requestShutdown());
  return serveUntilDone(engine, logger);
}

function stepped(transport: Transport, gate: StepGate, rank: number): Transport {
  const words = createStepWords({ process: 'engine', rank }, WIRE_VERSIONS[VLLM_VERSION]);
  return stepTransport(transport, { gate, words });
}

interface RunningEngine {
  readonly proc: EngineCoreProc;
  readonly outputs: OutputSockets;
  close(): Promise<void>;
}

interface StartOptions {
  readonly config: EngineProcessConfig;
  readonly logger: Logger;
  readonly lifeLine: LifeLine;
  readonly tap: Tap;
  readonly transport: Transport;
  /** Null without --handshake-step. */
  readonly gate: StepGate | null;
  readonly codec: WireCodec;
  /** Null where a scenario changes nothing about the start. */
  readonly startup: StartupPoints | null;
  readonly handshake: Handshake;
  /** With how long that took. */
  readonly setup: EngineSetup & { readonly elapsedMs: number };
}

function saySetup({ logLines, elapsedMs, model }: StartOptions['setup'], logger: Logger): void {
  for (const { level, text } of logLines) logger[level](text);
  logger.info(initTookLine(elapsedMs));
  const batchQueue = batchQueueLine(model.input.config.maxConcurrentBatches);
  if (batchQueue !== null) logger.debug(batchQueue);
}

/** Sockets, ready response, the coordinator's READY, and READY. */
async function startEngine(options: StartOptions): Promise<RunningEngine> {
  const { config, logger, lifeLine, tap, transport, gate, codec, handshake, setup, startup } =
    options;
  const { args, rank } = config;
  const isMoeDp = args.dataParallelSize > 1 && setup.model.facts.isMoe;
  const { addresses } = handshake;
  logger.debug(coordinatorLine(addresses));
  saySetup(setup, logger);
  const hasInternalLb = addresses.coordinatorOutput !== null && !args.dataParallelExternalLb;
  const publisher = await KVEventPublisher.create(kvEventsConfigOf(args.kvEventsConfig), {
    transport,
    codec,
    logger,
    dataParallelRank: rank,
  });
  const kvEvents: KVEventsConfig | null = publisher?.config ?? null;
  const processControl = {
    kill: () => process.kill(process.pid, 'SIGKILL'),
    exit: (code: number) => process.exit(code),
    sendDead: () => outputs.sendDead(),
  };
  const placement = { rank, hasInternalLb, isMoeDp, processControl };
  const core = buildEngineCore(
    setup,
    placement,
    systemClock,
    kvEvents,
    isMoeDp ? DPEngineCore : undefined,
  );
  const group = isMoeDp ? await joinGroup(options, core) : null;
  const wire = new EngineWire(core.parts.faults.wire, { clock: systemClock, after: afterMs });
  const outputs = new OutputSockets({ transport, codec, addresses, wire });
  const proc = new EngineCoreProc({
    core,
    clock: systemClock,
    logger,
    outputs,
    publishKvEvents: publisher === null ? null : publishWith(publisher),
    publishesCounts: hasInternalLb,
    agree: group === null ? null : (vote) => group.agree(vote),
    holdOthers: group === null ? null : () => group.hold(),
  });
  const faults = new EngineFaults({ host: core.parts.faults, after: afterMs, logger });
  core.views = new EngineViews({
    parts: core.parts,
    faults,
    tap,
    facts: factsOf(args),
    onAnswer: () => proc.sendAnswers(),
  });
  if (startup !== null) await startup.before('ready-response');
  const tellReported = await reportTurn(startup, rank);
  const inputs = new InputSockets({
    transport,
    codec,
    addresses,
    rank,
    claimedRank: startup?.claimedRank ?? null,
    wire,
    logger,
    onInput: (input) => proc.push(input),
    onConnection: (isConnected) => lifeLine.onConnection(isConnected),
  });
  const response = createReadyResponse({
    setup,
    rank,
    addresses,
    dataParallelSize: isMoeDp ? args.dataParallelSize : 1,
    kvEventsConfig: kvEvents,
    instanceId: String(BigInt(Math.round(systemClock.wallMs() * 1e6))),
  });
  inputs.announce(
    startup === null
      ? codec.encodeReadyResponse(response)
      : startup.framesOf(
          'ready-response',
          codec.encodeChangedReadyResponse(response, startup.fieldChanges),
        ),
  );
  if (tellReported !== null) void inputs.connected().then(tellReported);
  await inputs.waitForCoordinator(args.coordinatorReadyTimeout, gate);
  await handshake.ready(
    isMoeDp ? computeParallelConfigHash(args, setup.scheduler.asyncScheduling) : null,
  );
  faults.follow(config.faultPlan);
  return {
    proc,
    outputs,
    close: async () => {
      faults.close();
      await Promise.all([inputs.close(), outputs.close(), publisher?.close(), group?.close()]);
    },
  };
}

/** Null where engines report as they come; else resolves at this one's turn, with what is called once it has reported. */
async function reportTurn(
  startup: StartupPoints | null,
  rank: number,
): Promise<(() => void) | null> {
  const order = startup?.reportOrder ?? null;
  return order === null ? null : awaitReportTurn(process, rank, order);
}

/** Returns what calls it off. */
function afterMs(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
}

/** For who looks; what explains a capacity is loaded when it is asked for. */
function factsOf(args: EngineArgs): EngineFacts {
  return {
    gpu: args.gpu,
    model: args.model,
    explain: async () => {
      const { explainCapacity } = await import('../capacity/explain/explain-capacity.ts');
      return explainCapacity(modelOptionsOf(args));
    },
  };
}

function publishWith(publisher: KVEventPublisher) {
  return (events: Parameters<KVEventPublisher['publish']>[0]['events']): void =>
    publisher.publish({ ts: systemClock.wallMs() / 1000, events, dataParallelRank: null });
}

function joinGroup(
  { config, transport, handshake, logger }: StartOptions,
  core: EngineCore,
): Promise<DpGroup> {
  const { args, rank } = config;
  if (core instanceof DPEngineCore) {
    core.hasCoordinator = handshake.addresses.coordinatorOutput !== null;
    core.prefillScheduleInterval = args.prefillScheduleInterval;
    core.syncInterval = args.dpSyncInterval;
  }
  const ip = String(handshake.parallelConfig['data_parallel_master_ip'] ?? '127.0.0.1');
  const port = Number(handshake.parallelConfig['data_parallel_master_port'] ?? DEFAULT_MASTER_PORT);
  return joinDpGroup(transport, {
    address: `tcp://${ip}:${port}`,
    rank,
    size: args.dataParallelSize,
    timeoutSeconds: args.cpuDistributedTimeoutSeconds ?? DEFAULT_DP_TIMEOUT_SECONDS,
    logger,
  });
}

/** Runs the busy loop; an engine that breaks tells its clients before it ends. Resolves with the exit code. */
async function serveUntilDone(engine: RunningEngine, logger: Logger): Promise<number> {
  let exitCode = 0;
  try {
    await engine.proc.run();
    logger.debug('[shutdown] EngineCore: exiting busy loop');
  } catch (error) {
    logger.error({ err: error }, 'EngineCore encountered a fatal error.');
    engine.outputs.sendDead();
    exitCode = 1;
  }
  await engine.close();
  return exitCode;
}

/** An engine that cannot start says why in one line: 2 for what the user wrote, 1 for what failed. */
function failToStart(error: unknown, logger: Logger): never {
  if (error instanceof TwinError) {
    logger.error(`EngineCore failed to start: ${error.message}`);
    process.exit(error.family === 'config' ? CONFIG_EXIT_CODE : 1);
  }
  logger.error({ err: error }, 'EngineCore failed to start.');
  process.exit(1);
}

function main(): void {
  const config = readProcessArgument(engineProcessConfigSchema(), 'an engine core');
  const { logLevel, logFormat, dataParallelSize, record, tap: ringFrames } = config.args;
  const name = dataParallelSize > 1 ? `EngineCore_DP${config.rank}` : 'EngineCore';
  process.title = `VLLM::${name}`;
  const logger = createLogger({ level: logLevel, format: logFormat, bindings: { process: name } });
  const lifeLine = new LifeLine(logger, config.privateDirectory);
  const tap = createProcessTap({
    process: name,
    record,
    ringFrames,
    clock: systemClock,
    logger,
  });
  run(config, { logger, lifeLine, tap }).then(
    (exitCode) => lifeLine.end(exitCode),
    (error: unknown) => failToStart(error, logger),
  );
}

main();
