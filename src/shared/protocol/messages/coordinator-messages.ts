/** What the DP coordinator and those around it say, besides START_DP_WAVE. No struct of a version is among it. */
import type { CoordinatorUpdate, EngineRequestCounts, FrontendNotice } from '../coordinator.ts';
import {
  at,
  decoding,
  expectFrameCount,
  expectLength,
  type Frames,
  isSameFrame,
  readWhole,
} from '../decode-message.ts';
import { COORDINATOR_READY } from '../handshake.ts';
import { DecodeFault, type MsgpackReader } from '../msgpack-reader.ts';
import { packableFloat, packableInt, packBytes } from '../msgpack-writer.ts';

/** Subscribes to everything: what engines and frontends send on an XSUB. ZeroMQ's own word, whatever the version. */
export const SUBSCRIBE_ALL: Uint8Array = Uint8Array.of(1);
export const UNSUBSCRIBE_ALL: Uint8Array = Uint8Array.of(0);

const READY_FRAME = Buffer.from(COORDINATOR_READY, 'latin1');
const SCALE_ELASTIC_EP = 'SCALE_ELASTIC_EP';

export function createCoordinatorMessages() {
  return {
    encodeCoordinatorReady: (): Uint8Array[] => [READY_FRAME],

    isCoordinatorReady: (frames: Frames): boolean =>
      frames.length === 1 && isSameFrame(frames[0], READY_FRAME),

    /** A subscription to everything (true), its end (false), or some other message (null). */
    decodeSubscription(frames: Frames): boolean | null {
      if (frames.length !== 1) return null;
      if (isSameFrame(frames[0], SUBSCRIBE_ALL)) return true;
      return isSameFrame(frames[0], UNSUBSCRIBE_ALL) ? false : null;
    },

    encodeCoordinatorUpdate(update: CoordinatorUpdate): Uint8Array[] {
      const counts = update.counts?.map(([waiting, running, kvCacheUsage]) => [
        packableInt(waiting),
        packableInt(running),
        packableFloat(kvCacheUsage),
      ]);
      return [packBytes([counts ?? null, packableInt(update.currentWave), update.enginesRunning])];
    },

    decodeCoordinatorUpdate: (frames: Frames): CoordinatorUpdate =>
      decoding('a coordinator update', () => {
        expectFrameCount(frames, 1);
        return readWhole(frames, 0, readUpdate);
      }),

    encodeFrontendNotice: (notice: FrontendNotice): Uint8Array[] => [
      notice.type === SCALE_ELASTIC_EP
        ? packBytes([SCALE_ELASTIC_EP, packableInt(notice.newEngineCount)])
        : packBytes([notice.engineIdentity, packableInt(notice.wave)]),
    ],

    /** What a frontend may tell the coordinator, besides its subscription. */
    decodeFrontendNotice: (frames: Frames): FrontendNotice =>
      decoding('a message to the coordinator', () => {
        expectFrameCount(frames, 1);
        return readWhole(frames, 0, readNotice);
      }),
  };
}

function readUpdate(reader: MsgpackReader): CoordinatorUpdate {
  expectLength(reader, 3, 'CoordinatorUpdate');
  return {
    counts: at('CoordinatorUpdate.counts', () => (reader.tryNil() ? null : readCounts(reader))),
    currentWave: at('CoordinatorUpdate.current_wave', () => reader.int()),
    enginesRunning: at('CoordinatorUpdate.engines_running', () => reader.bool()),
  };
}

function readCounts(reader: MsgpackReader): EngineRequestCounts[] {
  const length = reader.arrayHeader('an array of counts');
  const counts: EngineRequestCounts[] = [];
  for (let index = 0; index < length; index++) {
    expectLength(reader, 3, `[${index}]`);
    counts.push(at(`[${index}]`, () => [reader.int(), reader.int(), reader.float()]));
  }
  return counts;
}

function readNotice(reader: MsgpackReader): FrontendNotice {
  expectLength(reader, 2, 'a notice');
  if (reader.isBin()) {
    const engineIdentity = reader.bin();
    return { type: 'FIRST_REQ', engineIdentity, wave: at('FIRST_REQ.wave', () => reader.int()) };
  }
  at(SCALE_ELASTIC_EP, () => {
    const name = reader.str();
    if (name !== SCALE_ELASTIC_EP) throw new DecodeFault(SCALE_ELASTIC_EP, `'${name}'`);
  });
  const newEngineCount = at('SCALE_ELASTIC_EP.new_engine_count', () => reader.int());
  return { type: SCALE_ELASTIC_EP, newEngineCount };
}
