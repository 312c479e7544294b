/**
 * Starts the engine cores and the coordinator that a plan asks for, holds the handshake with every engine, and tells of
 * the first child that ends. It never decides what an end means once the start-up is over: main.ts does.
 * Source: vllm/v1/engine/utils.py launch_core_engines, CoreEngineProcManager; vllm/v1/engine/coordinator.py DPCoordinator
 * (0.33.0).
 */
import { StartupError } from '../../shared/errors.ts';
import { Inquiries } from '../../shared/inquiries.ts';
import type { Logger } from '../../shared/logger.ts';
import type { PrivateDirectory } from '../../shared/private-directory.ts';
import type { EngineHandshakeMetadata } from '../../shared/protocol/handshake.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type { ProcessFrames } from '../../shared/tap/process-frames.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import { isBefore, type SpokenVersion } from '../../shared/version.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';
import {
  Child,
  type ChildCommand,
  type ChildExit,
  describeExit,
  pythonExitCode,
  stopChildren,
} from './child.ts';
import { type CoreEngineState, EngineStartup } from './engine-startup.ts';
import { handshakeMetadata } from './handshake-metadata.ts';
import { HandshakeServer } from './handshake-server.ts';
import type { HandshakeStepper } from './handshake-stepper.ts';
import type { ParallelPlan } from './parallel-plan.ts';
import { findFreePort } from './port-check.ts';
import { ReportOrder } from './report-order.ts';

/** Where an engine core shakes hands: with the frontend of rank 0, and with its own where that is another one. */
export interface EngineHandshakeAddresses {
  readonly handshakeAddress: string;
  readonly clientHandshakeAddress: string | null;
  /** Goes with this frontend, whoever notices its end. */
  readonly privateDirectory: string;
}

export interface CoordinatorAddresses {
  readonly frontendStatsPublishAddress: string;
  readonly coordinatorInputAddress: string;
  readonly coordinatorOutputAddress: string;
}

export interface LaunchOptions {
  /** Whose INIT the engines get. */
  readonly vllmVersion: SpokenVersion;
  readonly plan: ParallelPlan;
  readonly codec: WireCodec;
  readonly directory: PrivateDirectory;
  readonly logger: Logger;
  /** A line of a child's log, to be passed on. */
  readonly onLogLine: (line: string) => void;
  readonly engineCommand: (
    rank: EngineIndex,
    localRank: number,
    addresses: EngineHandshakeAddresses,
  ) => ChildCommand;
  readonly coordinatorCommand: (config: CoordinatorConfig) => ChildCommand;
  /** This frontend's own hash; null lets the first engine's count. */
  readonly parallelConfigHash: string | null;
  /** Holds the children's start-up frames; null without --handshake-step. */
  readonly stepper?: HandshakeStepper | null;
}

/** What the coordinator process is started with. */
export interface CoordinatorConfig extends CoordinatorAddresses {
  readonly engineCount: number;
  readonly enableWaveCoordination: boolean;
  /** Goes with this frontend, whoever notices its end. */
  readonly privateDirectory: string;
}

/** A child whose end ends the frontend. */
export interface FallenChild {
  /** Null for the coordinator. */
  readonly rank: EngineIndex | null;
  readonly exit: ChildExit;
}

export class EngineLaunch {
  readonly #options: LaunchOptions;
  readonly #engines = new Map<EngineIndex, Child>();
  readonly #coordinator: Child | null;
  readonly #coordinatorAddresses: Promise<CoordinatorAddresses | null>;
  #handshake: HandshakeServer | null = null;
  #startup: EngineStartup | null = null;
  readonly #coordinatorFrames: Inquiries<number, ProcessFrames>;
  #isStopping = false;

  /** Starts all children at once; the slow part of a start is theirs. */
  constructor(options: LaunchOptions) {
    this.#options = options;
    const { plan } = options;
    const config = plan.runsCoordinator ? this.#coordinatorConfig() : null;
    this.#coordinator =
      config === null ? null : new Child(options.coordinatorCommand(config), options.onLogLine);
    plan.engineRanksStarted.forEach((rank, localRank) => {
      const command = options.engineCommand(rank, localRank, this.#engineAddresses());
      this.#engines.set(rank, new Child(command, options.onLogLine));
    });
    this.#coordinatorFrames = new Inquiries((id, sinceSeq) =>
      this.#coordinator?.send({ type: 'frames', id, sinceSeq }),
    );
    for (const child of this.children) options.stepper?.attach(child);
    const reports = new ReportOrder();
    for (const [rank, child] of this.#engines) reports.attach(rank, child);
    this.#coordinatorAddresses = this.#awaitCoordinator();
    this.#coordinatorAddresses.catch(() => {});
  }

  get children(): readonly Child[] {
    return [...this.#engines.values(), ...(this.#coordinator === null ? [] : [this.#coordinator])];
  }

  get hasEngines(): boolean {
    return this.#engines.size > 0;
  }

  /** Null where this frontend did not start the engine. */
  pidOf(rank: EngineIndex): number | null {
    return this.#engines.get(rank)?.pid ?? null;
  }

  /** Null where this frontend runs no coordinator, or it has ended. */
  get coordinatorPid(): number | null {
    const coordinator = this.#coordinator;
    return coordinator === null || coordinator.hasExited ? null : (coordinator.pid ?? null);
  }

  /** Where an engine of the plan stands. */
  stateOf(rank: EngineIndex): CoreEngineState | 'DEAD' {
    if (this.#engines.get(rank)?.hasExited === true) return 'DEAD';
    return this.#startup?.getState(rank) ?? 'NEW';
  }

  /** What the coordinator's tap keeps beyond a frame; null where there is no coordinator, or it is silent. */
  coordinatorFrames(sinceSeq: number): Promise<ProcessFrames | null> {
    if (this.#coordinator === null || this.#coordinator.hasExited) return Promise.resolve(null);
    return this.#coordinatorFrames.ask(sinceSeq);
  }

  /** Where an API server binds: ipc where all of its engines are on this machine. */
  clientAddresses(clientIndex: number): ClientAddresses {
    const { plan, directory } = this.#options;
    if (!plan.clientLocalOnly) {
      const tcp = `tcp://${plan.dataParallelAddress}:0`;
      return { input: tcp, output: tcp };
    }
    return {
      input: directory.ipcAddress(`input-${clientIndex}`),
      output: directory.ipcAddress(`output-${clientIndex}`),
    };
  }

  /** Where API servers subscribe; null where this frontend runs no coordinator. */
  getStatsPublishAddress(): Promise<string | null> {
    const address = this.#coordinatorAddresses.then(
      (addresses) => addresses?.frontendStatsPublishAddress ?? null,
    );
    // A coordinator that ends is told by waitForFall; who asks here may not have come to await it.
    address.catch(() => {});
    return address;
  }

  /**
   * The handshake with every engine of the plan. Rejects with the first broken rule; `onMissing` is given a function that
   * names the ranks still missing, for the caller's deadline.
   */
  async shakeHands(
    transport: Transport,
    clientAddresses: Promise<readonly ClientAddresses[]>,
    onMissing: (describe: () => string) => void,
  ): Promise<void> {
    const { plan, codec, logger, parallelConfigHash } = this.#options;
    const startup = new EngineStartup({
      engines: plan.enginesToHandshake,
      remoteShouldBeHeadless: plan.remoteShouldBeHeadless,
      expectsParallelConfigHash: plan.coordinatedDp,
      parallelConfigHash,
    });
    this.#startup = startup;
    onMissing(() => startup.describeMissing());
    const metadata = this.#createMetadata(clientAddresses);
    metadata.catch(() => {});
    const address = this.#handshakeBindAddress();
    this.#handshake = await HandshakeServer.bind({
      transport,
      codec,
      address,
      startup,
      metadata,
      logger,
    });
    if (address.startsWith('tcp:')) {
      logger.info(`Waiting for engine cores at ${this.#handshake.address}`);
    }
    await this.#handshake.waitUntilComplete();
    await this.#handshake.close();
  }

  /** Resolves with the first child that ends without having been told to. */
  waitForFall(): Promise<FallenChild> {
    let hasFallen = false;
    return new Promise((resolve) => {
      const watch = async (rank: EngineIndex | null, child: Child): Promise<void> => {
        await child.ended;
        // The first that goes is the cause; how it ended is known once its last words are read.
        if (this.#isStopping || hasFallen) return;
        hasFallen = true;
        resolve({ rank, exit: await child.exited });
      };
      for (const [rank, child] of this.#engines) void watch(rank, child);
      if (this.#coordinator !== null) void watch(null, this.#coordinator);
    });
  }

  /** Ends every child, by force after the grace. Idempotent. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#handshake?.close();
    await stopChildren([...this.#engines.values()], graceMs);
    if (this.#coordinator !== null) await stopChildren([this.#coordinator], graceMs);
  }

  killAll(): void {
    this.#isStopping = true;
    for (const child of this.children) child.signal('SIGKILL');
  }

  #engineAddresses(): EngineHandshakeAddresses {
    const { plan, directory } = this.#options;
    if (plan.handshakeLocalOnly) {
      return {
        handshakeAddress: directory.ipcAddress('handshake'),
        clientHandshakeAddress: null,
        privateDirectory: directory.path,
      };
    }
    return {
      handshakeAddress: `tcp://${plan.dataParallelAddress}:${plan.dataParallelRpcPort}`,
      clientHandshakeAddress: plan.hasTwoHandshakes ? directory.ipcAddress('handshake') : null,
      privateDirectory: directory.path,
    };
  }

  #handshakeBindAddress(): string {
    const { handshakeAddress, clientHandshakeAddress } = this.#engineAddresses();
    return clientHandshakeAddress ?? handshakeAddress;
  }

  async #createMetadata(
    clientAddresses: Promise<readonly ClientAddresses[]>,
  ): Promise<EngineHandshakeMetadata> {
    const { plan, vllmVersion } = this.#options;
    const [clients, coordinator] = await Promise.all([clientAddresses, this.#coordinatorAddresses]);
    const sendsConfig =
      plan.coordinatedDp && (!plan.hasTwoHandshakes || isBefore(vllmVersion, '0.33.0'));
    const host = plan.dataParallelAddress;
    const meeting = sendsConfig
      ? { host, port: await findFreePort(host), size: plan.dataParallelSize }
      : null;
    return handshakeMetadata({ vllmVersion, clients, coordinator, meeting });
  }

  /** Over ipc where all who use an address are on this machine. Source: coordinator.py DPCoordinator.__init__. */
  #coordinatorConfig(): CoordinatorConfig {
    const { plan, directory } = this.#options;
    const tcp = `tcp://${plan.dataParallelAddress}:0`;
    const ofEngines = (name: string): string =>
      plan.handshakeLocalOnly ? directory.ipcAddress(name) : tcp;
    return {
      engineCount: plan.dataParallelSize,
      enableWaveCoordination: plan.coordinatedDp,
      privateDirectory: directory.path,
      frontendStatsPublishAddress: plan.localEnginesOnly ? tcp : directory.ipcAddress('stats'),
      coordinatorInputAddress: ofEngines('coordinator-input'),
      coordinatorOutputAddress: ofEngines('coordinator-output'),
    };
  }

  #awaitCoordinator(): Promise<CoordinatorAddresses | null> {
    const coordinator = this.#coordinator;
    if (coordinator === null) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      coordinator.onMessage((message) => {
        if (isFramesAnswer(message)) this.#coordinatorFrames.take(message.id, message.frames);
        if (!isCoordinatorReadyMessage(message)) return;
        this.#options.logger.info(`Started DP Coordinator process (PID: ${coordinator.pid})`);
        resolve(message);
      });
      void coordinator.exited.then((exit) => reject(createExitError({ rank: null, exit })));
    });
  }
}

function isFramesAnswer(
  message: unknown,
): message is { readonly id: number; readonly frames: ProcessFrames } {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'frames'
  );
}

function isCoordinatorReadyMessage(
  message: unknown,
): message is { readonly type: 'ready' } & CoordinatorAddresses {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready'
  );
}

/** vLLM's sentence, who it was and what it said last. Source: vllm/v1/engine/utils.py wait_for_engine_startup. */
export function createExitError({ rank, exit }: FallenChild): StartupError {
  const lastLine =
    exit.lastLogLine === null ? '' : ` Its last log line: ${messageOf(exit.lastLogLine)}`;
  const who = rank === null ? 'The DP coordinator' : `Engine core ${rank}`;
  return new StartupError(
    'E_ENGINE_EXITED',
    'Engine core initialization failed. See root cause above. ' +
      `Failed core proc(s): {'${exit.name}': ${pythonExitCode(exit)}}. ` +
      `${who} ended with ${exit.signal ?? describeExit(exit)} while starting.${lastLine}`,
  );
}

/** What a log line says: the message of a JSON line, or the line itself. */
function messageOf(line: string): string {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === 'object' && record !== null && 'msg' in record) return String(record.msg);
  } catch {
    // Not every line is our logger's.
  }
  return line;
}
