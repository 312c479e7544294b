/**
 * The frontend's ear at the DP coordinator: the wave, whether the engines run, and the counts that requests are spread by.
 * Source: vllm/v1/engine/core_client.py DPAsyncMPClient._ensure_stats_update_task (0.28.0 to 0.33.0).
 */
import type { DroppedMessages } from '../../shared/dropped-messages.ts';
import { ServerError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { EngineRequestCounts } from '../../shared/protocol/coordinator.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { SUBSCRIBE_ALL } from '../../shared/protocol/messages/coordinator-messages.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import type { Frame, Transport, XSubSocket } from '../../shared/transport/transport.ts';

export interface CoordinatorSubscriptionOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly address: string;
  readonly lingerMs: number;
  /** The managed engines, ascending: the coordinator tells of all there are. */
  readonly engineRanks: readonly EngineIndex[];
  /** One entry per managed engine. */
  readonly onCounts: (counts: readonly EngineRequestCounts[]) => void;
  readonly dropped: DroppedMessages;
  readonly logger: Pick<Logger, 'debug' | 'isLevelEnabled'>;
}

export class CoordinatorSubscription {
  readonly #options: CoordinatorSubscriptionOptions;
  readonly #socket: XSubSocket;
  #currentWave = 0;
  #enginesRunning = false;

  constructor(options: CoordinatorSubscriptionOptions) {
    const { transport, address, lingerMs } = options;
    this.#options = options;
    this.#socket = transport.connectXSub(address, {
      name: 'frontend_stats_publish',
      lingerMs,
      identity: null,
    });
    this.#socket.onMessage((frames) => this.#onMessage(frames));
    this.#socket.send([SUBSCRIBE_ALL]);
  }

  get currentWave(): number {
    return this.#currentWave;
  }

  get enginesRunning(): boolean {
    return this.#enginesRunning;
  }

  /** A request was sent to an engine: where none runs, and it is the frontends' to say, the others are to be woken. */
  onRequestSent(engineIdentity: Frame): void {
    const { codec } = this.#options;
    if (codec.waves.startedBy === 'engine' || this.#enginesRunning) return;
    this.#enginesRunning = true;
    const notice = { type: 'FIRST_REQ', engineIdentity, wave: this.#currentWave } as const;
    this.#socket.send(codec.encodeFrontendNotice(notice));
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  #onMessage(frames: readonly Frame[]): void {
    try {
      const { counts, currentWave, enginesRunning } =
        this.#options.codec.decodeCoordinatorUpdate(frames);
      this.#currentWave = currentWave;
      this.#enginesRunning = enginesRunning;
      // Null: only the wave changed.
      if (counts === null) return;
      const own = this.#ownCounts(counts);
      this.#say(own);
      this.#options.onCounts(own);
    } catch (error) {
      this.#options.dropped.add('coordinator', error);
    }
  }

  #say(own: readonly EngineRequestCounts[]): void {
    const { logger, engineRanks } = this.#options;
    if (!logger.isLevelEnabled('debug')) return;
    const shown = own.map(
      ([waiting, running, usage]) => `[${waiting}, ${running}, ${pythonFloatRepr(usage)}]`,
    );
    const first = Math.min(...engineRanks);
    const slice = `slice(${first}, ${first + engineRanks.length}, None)`;
    logger.debug(`Received counts: [${shown.join(', ')}] (${slice})`);
  }

  #ownCounts(counts: readonly EngineRequestCounts[]): readonly EngineRequestCounts[] {
    const { engineRanks } = this.#options;
    const first = Math.min(...engineRanks);
    const own = counts.slice(first, first + engineRanks.length);
    if (own.length < engineRanks.length)
      throw new ServerError(
        'E_BAD_FRAME',
        `counts of ${counts.length} engines, of which ranks ${engineRanks.join(', ')} are asked for`,
      );
    if (
      own.some((values) =>
        values.some((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY)),
      )
    )
      throw new ServerError('E_BAD_FRAME', `counts that cannot be: ${JSON.stringify(own)}`);
    return own;
  }
}
