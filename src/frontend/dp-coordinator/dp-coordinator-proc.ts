/**
 * The DP coordinator's shell: its three sockets and its timer around coordinator-state.ts. A bad message is dropped.
 * Source: vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket (0.33.0).
 */
import type { Clock } from '../../shared/clock.ts';
import { DroppedMessages } from '../../shared/dropped-messages.ts';
import { ServerError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { FrontendNotice } from '../../shared/protocol/coordinator.ts';
import type { Frames } from '../../shared/protocol/decode-message.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import { refuseImpossibleStats } from '../../shared/protocol/possible-outputs.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import { systemTimers, type Timer, type Timers } from '../../shared/timers.ts';
import type {
  PullSocket,
  SocketName,
  Transport,
  XPubSocket,
} from '../../shared/transport/transport.ts';
import { type CoordinatorEffects, CoordinatorState } from './coordinator-state.ts';

/** Where the sockets are: asked for (port 0 is any) and then bound. */
export interface CoordinatorAddresses {
  /** Frontends subscribe here. */
  readonly frontendStatsPublishAddress: string;
  /** Engines subscribe here: `coordinator_input` of the handshake. */
  readonly coordinatorInputAddress: string;
  /** Engines push here: `coordinator_output` of the handshake. */
  readonly coordinatorOutputAddress: string;
}

export interface CoordinatorSettings extends CoordinatorAddresses {
  readonly engineCount: number;
  readonly enableWaveCoordination: boolean;
}

export interface CoordinatorParts {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly clock: Clock;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
}

const LINGER_MS = 1_000;
/** An engine count beyond this is not a scale-up but garbage. */
const MAX_ENGINES = 65_536;
const UNEXPECTED_NOTICE = 'DP Coordinator received unexpected message from front-end';

export class DPCoordinatorProc {
  readonly addresses: CoordinatorAddresses;
  private readonly state: CoordinatorState;
  private readonly parts: CoordinatorParts;
  private readonly dropped: DroppedMessages;
  private readonly publishFront: XPubSocket;
  private readonly publishBack: XPubSocket;
  private readonly outputBack: PullSocket;
  private numSubscribed = 0;
  private isReady = false;
  private timer: Timer | null = null;
  /** When the timer goes off; what is to be published may be due later. */
  private timerMs = Number.POSITIVE_INFINITY;
  private dueMs = Number.POSITIVE_INFINITY;
  private isClosed = false;

  private constructor(
    settings: CoordinatorSettings,
    parts: CoordinatorParts,
    sockets: {
      readonly publishFront: XPubSocket;
      readonly publishBack: XPubSocket;
      readonly outputBack: PullSocket;
    },
  ) {
    this.parts = parts;
    this.dropped = new DroppedMessages(parts.logger);
    this.state = new CoordinatorState({ ...settings, waves: parts.codec.waves });
    this.publishFront = sockets.publishFront;
    this.publishBack = sockets.publishBack;
    this.outputBack = sockets.outputBack;
    this.addresses = {
      frontendStatsPublishAddress: this.publishFront.address,
      coordinatorInputAddress: this.publishBack.address,
      coordinatorOutputAddress: this.outputBack.address,
    };
  }

  /** Binds the sockets; from then on the coordinator runs until `close`. */
  static async start(
    settings: CoordinatorSettings,
    parts: CoordinatorParts,
  ): Promise<DPCoordinatorProc> {
    const { transport } = parts;
    const options = (name: SocketName) => ({ name, lingerMs: LINGER_MS });
    const sockets = {
      publishFront: await transport.bindXPub(
        settings.frontendStatsPublishAddress,
        options('frontend_stats_publish'),
      ),
      outputBack: await transport.bindPull(
        settings.coordinatorOutputAddress,
        options('coordinator_output'),
      ),
      publishBack: await transport.bindXPub(
        settings.coordinatorInputAddress,
        options('coordinator_input'),
      ),
    };
    const coordinator = new DPCoordinatorProc(settings, parts, sockets);
    sockets.publishBack.onMessage((frames) => coordinator.onEngineSubscription(frames));
    return coordinator;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.timer?.cancel();
    await Promise.all([
      this.publishFront.close(),
      this.publishBack.close(),
      this.outputBack.close(),
    ]);
  }

  /** Until every engine has subscribed nothing else is looked at; later ones are new engines, which get their READY. */
  private onEngineSubscription(frames: Frames): void {
    const subscription = this.parts.codec.decodeSubscription(frames);
    if (subscription === null) {
      this.dropped.drop('engine subscriptions', 'neither a subscription nor the end of one');
      return;
    }
    if (!subscription) return;
    this.numSubscribed++;
    if (this.isReady) {
      this.publishBack.send(this.parts.codec.encodeCoordinatorReady());
      this.armTimer();
      return;
    }
    if (this.numSubscribed < this.state.engineCount) return;
    this.isReady = true;
    this.publishBack.send(this.parts.codec.encodeCoordinatorReady());
    this.parts.logger.info('All engine subscriptions received by DP coordinator');
    this.publishFront.onMessage((message) => this.onFrontendMessage(message));
    this.outputBack.onMessage((message) => this.onEngineMessage(message));
    this.armTimer();
  }

  private onFrontendMessage(frames: Frames): void {
    if (this.parts.codec.decodeSubscription(frames) === null) {
      this.guarded('frontends', () => {
        const notice = this.readNotice(frames);
        if (notice.type === 'FIRST_REQ') {
          this.apply(this.state.onFirstRequest(notice));
          return;
        }
        const { newEngineCount } = notice;
        if (newEngineCount < 0 || newEngineCount > MAX_ENGINES) {
          throw new ServerError('E_BAD_FRAME', `SCALE_ELASTIC_EP to ${newEngineCount} engines`);
        }
        const { engineCount } = this.state;
        if (newEngineCount !== engineCount) {
          const way = newEngineCount > engineCount ? 'up' : 'down';
          this.parts.logger.info(
            `DPCoordinator scaled ${way} from ${engineCount} to ${newEngineCount} engines`,
          );
        }
        this.state.scale(newEngineCount);
      });
    }
    this.armTimer();
  }

  /** Throws E_BAD_FRAME. */
  private readNotice(frames: Frames): FrontendNotice {
    const { codec, logger } = this.parts;
    const engineStarts = codec.waves.startedBy === 'engine';
    try {
      const notice = codec.decodeFrontendNotice(frames);
      if (engineStarts && notice.type === 'FIRST_REQ')
        throw new ServerError('E_BAD_FRAME', 'FIRST_REQ: engines tell of first requests');
      return notice;
    } catch (error) {
      // Where frontends may tell of a first request, vLLM takes whatever comes for one.
      if (engineStarts) logger.error(UNEXPECTED_NOTICE);
      throw error;
    }
  }

  private onEngineMessage(frames: Frames): void {
    this.guarded('engine outputs', () => {
      const { codec, logger } = this.parts;
      const outputs = codec.decodeEngineCoreOutputs(frames);
      if (outputs === ENGINE_CORE_DEAD) return;
      this.refuseImpossible(outputs);
      const { wave: waveBefore } = this.state;
      const effects = this.state.onEngineOutputs(outputs);
      const { startWave, update } = effects;
      if (outputs.waveComplete !== null && update !== null)
        logger.debug(`Moving DP wave from ${waveBefore} to ${this.state.wave}.`);
      if (startWave !== null)
        logger.debug(
          `Starting wave ${startWave.wave} on notification from engine ${outputs.engineIndex}.`,
        );
      this.apply(effects);
    });
    this.armTimer();
  }

  private apply({ startWave, update, warning }: CoordinatorEffects): void {
    const { codec, logger } = this.parts;
    if (warning !== null) logger.warn(warning);
    if (startWave !== null)
      this.publishBack.send(codec.encodeEngineInput({ type: 'START_DP_WAVE', ...startWave }));
    if (update !== null) this.publishFront.send(codec.encodeCoordinatorUpdate(update));
  }

  /** Throws E_BAD_FRAME. */
  private refuseImpossible(message: EngineCoreOutputs): void {
    const { engineIndex, schedulerStats, outputs, utilityOutput } = message;
    if (outputs.length > 0 || utilityOutput !== null)
      throw new ServerError('E_BAD_FRAME', `engine ${engineIndex} sent request outputs`);
    if (engineIndex < 0)
      throw new ServerError('E_BAD_FRAME', `counts of engine ${engineIndex}: there is none`);
    if (schedulerStats !== null) refuseImpossibleStats(schedulerStats);
  }

  /** A bad frame costs that message, not the process. */
  private guarded(socket: string, handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.dropped.add(socket, error);
    }
  }

  /** After every message. A timer that goes off early waits on, which is cheaper than a new one for each message. */
  private armTimer(): void {
    if (this.isClosed) return;
    const nowMs = this.parts.clock.monotonicMs();
    this.dueMs = nowMs + this.state.timeoutMs(nowMs);
    if (this.timerMs > this.dueMs) this.startTimer(nowMs);
  }

  private startTimer(nowMs: number): void {
    const { clock, timers = systemTimers } = this.parts;
    this.timer?.cancel();
    this.timerMs = this.dueMs;
    this.timer = timers.after(Math.ceil(this.dueMs - nowMs), () => {
      const firedMs = clock.monotonicMs();
      if (firedMs < this.dueMs) this.startTimer(firedMs);
      else this.publish(firedMs);
    });
  }

  private publish(nowMs: number): void {
    const { codec } = this.parts;
    this.timerMs = Number.POSITIVE_INFINITY;
    this.publishFront.send(codec.encodeCoordinatorUpdate(this.state.publish(nowMs)));
    this.armTimer();
  }
}
