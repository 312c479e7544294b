/**
 * An engine from HELLO to its last message, in whatever process and time it is in: handshake, sizing, sockets, ready
 * response, READY, the busy loop. Ending is its host's business.
 * Source: vllm/v1/engine/core.py EngineCoreProc.__init__, run_engine_core (0.33.0).
 */
import { randomUUID } from 'node:crypto';
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import type { Clock } from '../shared/clock.ts';
import type { EngineProcessConfig } from '../shared/config/engine-process-config.ts';
import { kvTransferConfigOf } from '../shared/config/kv-transfer-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { FieldChange } from '../shared/protocol/messages/startup-messages.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import type { StepGate } from '../shared/tap/step-gate.ts';
import type { Tap } from '../shared/tap/tap.ts';
import type { Timers } from '../shared/timers.ts';
import { tokenizerFolderOf } from '../shared/tokenizer/tokenizer-folder.ts';
import type { Transport } from '../shared/transport/transport.ts';
import type { SpokenVersion } from '../shared/version.ts';
import { DPEngineCore } from './dp-engine-core.ts';
import { type DpGroup, joinDpGroup } from './dp-group.ts';
import type { EngineCore } from './engine-core.ts';
import { EngineCoreProc } from './engine-core-proc.ts';
import { buildEngineCore, type EngineSetup, setUpEngine } from './engine-setup.ts';
import { EngineWire } from './engine-wire.ts';
import type { EngineProcessControl } from './faults/engine-fault.ts';
import { EngineFaults } from './faults/engine-faults.ts';
import { readStartupPlan, type StartupPoints } from './faults/startup-points.ts';
import { InputSockets } from './input-sockets.ts';
import { KVEventPublisher } from './kv-event-publisher.ts';
import { kvEventsConfigOf } from './kv-events-config.ts';
import { compatibilityHash } from './kv-transfer/create-connector.ts';
import { NixlConnector } from './kv-transfer/nixl/nixl-connector.ts';
import { NixlSideChannel } from './nixl-side-channel.ts';
import { OutputSockets } from './output-sockets.ts';
import { computeParallelConfigHash } from './parallel-config-hash.ts';
import { createReadyResponse } from './ready-response.ts';
import { awaitReportTurn, type ReportChannel } from './report-turn.ts';
import { type Handshake, shakeHands } from './startup-handshake.ts';
import { batchQueueLine, coordinatorLine, initTookLine } from './startup-words.ts';
import type { GrammarCompiler } from './structured-output/grammar-compiler.ts';
import { type EngineFacts, EngineViews } from './views/engine-views.ts';

/** Source: vllm/config/parallel.py data_parallel_master_port. */
const DEFAULT_MASTER_PORT = 29_500;
/** Source: torch.distributed's timeout of a gloo group. */
const DEFAULT_DP_TIMEOUT_SECONDS = 1_800;
/** Of two reports that lie there, a ROUTER reads either first: in an order, the next one follows when one can have been read. */
const REPORT_READ_MS = 50;

/** What a process gives the engine in it. */
export interface EngineHost {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** What has seen the transport's frames. */
  readonly tap: Tap;
  /** Null without --handshake-step. */
  readonly gate: StepGate | null;
  /** A frontend's connection was lost (false) or made (true). */
  readonly onConnection: (isConnected: boolean) => void;
  /** Where a start asks for its turn, if a scenario orders them. */
  readonly reportChannel: ReportChannel;
  /** For requests with a grammar: made with the first of them. `folder`: of the tokenizer, null for the built-in one. */
  readonly createGrammarCompiler: (folder: string | null) => Promise<GrammarCompiler>;
  /** What a fault may do to the process. */
  readonly ending: Pick<EngineProcessControl, 'kill' | 'exit'>;
}

export interface RunningEngine {
  readonly core: EngineCore;
  readonly proc: EngineCoreProc;
  readonly outputs: OutputSockets;
  close(): Promise<void>;
}

interface StartOptions extends EngineHost {
  readonly config: EngineProcessConfig;
  /** Null where a scenario changes nothing about the start. */
  readonly startup: StartupPoints | null;
  readonly handshake: Handshake;
  /** With how long that took. */
  readonly setup: EngineSetup & { readonly elapsedMs: number };
}

/** Resolves once the engine has said READY; `serveUntilDone` runs it. Throws what breaks a start. */
export async function startEngine(
  config: EngineProcessConfig,
  host: EngineHost,
): Promise<RunningEngine> {
  const { args, rank } = config;
  const { transport, codec, logger, gate, clock, timers } = host;
  const startup = readStartupPlan(config.faultPlan, logger, timers);
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
  const sizing = Promise.resolve().then(() => {
    const startMs = clock.monotonicMs();
    return { ...setUpEngine(args), elapsedMs: clock.monotonicMs() - startMs };
  });
  const [handshake, setup] = await Promise.all([handshaking, sizing]);
  return connectEngine({ ...host, config, startup, handshake, setup });
}

function saySetup({ logLines, elapsedMs, model }: StartOptions['setup'], logger: Logger): void {
  for (const { level, text } of logLines) logger[level](text);
  logger.info(initTookLine(elapsedMs));
  const batchQueue = batchQueueLine(model.input.config.maxConcurrentBatches);
  if (batchQueue !== null) logger.debug(batchQueue);
}

/** As a fault of the start-up may have changed them. */
function readyResponseFrames(
  { config, setup, handshake, codec, clock, startup }: StartOptions,
  isMoeDp: boolean,
  kvEventsConfig: KVEventsConfig | null,
) {
  const response = createReadyResponse({
    setup,
    rank: config.rank,
    addresses: handshake.addresses,
    dataParallelSize: isMoeDp ? config.args.dataParallelSize : 1,
    kvEventsConfig,
    instanceId: String(BigInt(Math.round(clock.wallMs() * 1e6))),
  });
  if (startup === null) return codec.encodeReadyResponse(response);
  checkFieldChanges(startup.fieldChanges, config.args.vllmVersion);
  const frames = codec.encodeChangedReadyResponse(response, startup.fieldChanges);
  return startup.framesOf('ready-response', frames);
}

/** The fault is told of the fields of our own version: another one may not have them. Throws E_BAD_FILE. */
function checkFieldChanges(changes: readonly FieldChange[], version: SpokenVersion): void {
  const names = WIRE_VERSIONS[version].tables.engineCoreReadyResponse.fields.map(
    ({ wire }) => wire,
  );
  const unknown = changes.find(({ field }) => !names.includes(field));
  if (unknown !== undefined)
    throw new ConfigError(
      'E_BAD_FILE',
      `handshake.field: the ready response of vLLM ${version} has no ${unknown.field}; it has ${names.join(', ')}`,
    );
}

/** Sockets, ready response, the coordinator's READY, and READY. */
async function connectEngine(options: StartOptions): Promise<RunningEngine> {
  const { config, logger, transport, gate, codec, clock, timers } = options;
  const { handshake, setup, startup } = options;
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
  const processControl = { ...options.ending, sendDead: () => outputs.sendDead() };
  const engineId = engineIdOf(args, rank);
  const warn = (text: string): void => logger.warn(text);
  const placement = { rank, hasInternalLb, isMoeDp, processControl, engineId, warn };
  const core = buildEngineCore(
    setup,
    { ...placement, versionRules: codec },
    clock,
    kvEvents,
    isMoeDp ? DPEngineCore : undefined,
  );
  const group = isMoeDp ? await joinGroup(options, core) : null;
  const sideChannel = await openSideChannel(options, core, engineId);
  const wire = new EngineWire(core.parts.faults.wire, { clock, timers });
  const outputs = new OutputSockets({ transport, codec, addresses, wire });
  const proc = new EngineCoreProc({
    core,
    clock,
    timers,
    logger,
    outputs,
    createGrammarCompiler: () => options.createGrammarCompiler(tokenizerFolderOf(args)),
    publishKvEvents: publisher === null ? null : publishWith(publisher, clock),
    publishesCounts: hasInternalLb,
    agree: group === null ? null : (vote) => group.agree(vote),
    holdOthers: group === null ? null : () => group.hold(),
  });
  const faults = new EngineFaults({ host: core.parts.faults, timers, logger });
  core.views = new EngineViews({
    parts: core.parts,
    faults,
    tap: options.tap,
    facts: factsOf(args),
    onAnswer: () => proc.sendAnswers(),
  });
  if (startup !== null) await startup.before('ready-response');
  const tellReported = await reportTurn(options);
  const inputs = new InputSockets({
    transport,
    codec,
    addresses,
    rank,
    claimedRank: startup?.claimedRank ?? null,
    wire,
    logger,
    onInput: (input) => proc.push(input),
    onExecutorFailed: () => proc.failExecutor(),
    onConnection: options.onConnection,
  });
  inputs.announce(readyResponseFrames(options, isMoeDp, kvEvents));
  if (tellReported !== null)
    void inputs
      .connected()
      .then(() => timers.pause(REPORT_READ_MS))
      .then(tellReported);
  await inputs.waitForCoordinator(args.coordinatorReadyTimeout, gate);
  await handshake.ready(
    isMoeDp ? computeParallelConfigHash(args, setup.scheduler.asyncScheduling) : null,
  );
  faults.follow(config.faultPlan);
  return {
    core,
    proc,
    outputs,
    close: async () => {
      faults.close();
      await Promise.all([
        inputs.close(),
        outputs.close(),
        publisher?.close(),
        group?.close(),
        sideChannel?.close(),
      ]);
    },
  };
}

/** Source: vllm/v1/engine/core.py, the engine id of a data-parallel rank. */
function engineIdOf(args: EngineArgs, rank: number): string {
  const id = kvTransferConfigOf(args)?.engineId ?? randomUUID();
  return args.dataParallelSize > 1 ? `${id}_dp${rank}` : id;
}

/** Null without NixlConnector. */
async function openSideChannel(
  { config, setup, transport, clock, timers, logger }: StartOptions,
  core: EngineCore,
  engineId: string,
): Promise<NixlSideChannel | null> {
  const connector = core.scheduler.state.kvTransfer?.connector;
  if (!(connector instanceof NixlConnector)) return null;
  const { args, rank } = config;
  const { plan } = setup;
  const hash = compatibilityHash({
    model: args.model,
    version: args.vllmVersion,
    blockSize: plan.schedulerBlockSize,
    workerBytesPerBlock: plan.workers[0]?.bytesPerBlock ?? 0,
  });
  return NixlSideChannel.open({
    connector,
    transport,
    host: args.nixlSideChannelHost,
    port: args.nixlSideChannelPort + rank,
    own: {
      compatibilityHash: hash,
      engineId,
      numBlocks: plan.numBlocks,
      blockSize: plan.schedulerBlockSize,
    },
    tpSize: args.tensorParallelSize,
    clock,
    timers,
    logger,
  });
}

/** Null where engines report as they come; else resolves at this one's turn, with what is called once it has reported. */
async function reportTurn({
  config,
  startup,
  reportChannel,
}: StartOptions): Promise<(() => void) | null> {
  const order = startup?.reportOrder ?? null;
  return order === null ? null : awaitReportTurn(reportChannel, config.rank, order);
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

function publishWith(publisher: KVEventPublisher, clock: Clock) {
  return (events: Parameters<KVEventPublisher['publish']>[0]['events']): void =>
    publisher.publish({ ts: clock.wallMs() / 1000, events, dataParallelRank: null });
}

function joinGroup(
  { config, transport, handshake, logger, timers }: StartOptions,
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
    timers,
    logger,
  });
}

/** Runs the busy loop; an engine that breaks tells its clients before it ends. Resolves with the exit code. */
export async function serveUntilDone(engine: RunningEngine, logger: Logger): Promise<number> {
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
