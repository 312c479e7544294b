/** Frames that no honest peer sends: good ones with bytes changed, and well-formed ones that say what cannot be. */
import type { Prng } from '../../src/shared/prng.ts';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../../src/shared/protocol/defaults.ts';
import { type EngineCoreOutputs, FinishReason } from '../../src/shared/protocol/outputs.ts';
import type { Frame } from '../../src/shared/transport/transport.ts';
import { wireCodec } from '../../test/support/wire-codec.ts';

const MAX_CHANGES = 8;
const LARGE_FRAME_BYTES = 100 * 1024 * 1024;

/** The frames with some bytes flipped, cut, repeated or put in. */
export function mutated(frames: readonly Frame[], prng: Prng): readonly Frame[] {
  return frames.map((frame) => {
    let bytes = Buffer.from(frame);
    for (let i = prng.nextBelow(MAX_CHANGES); i >= 0 && bytes.length > 0; i--) {
      const at = prng.nextBelow(bytes.length);
      const kind = prng.nextBelow(4);
      if (kind === 0) bytes[at] = prng.nextBelow(256);
      else if (kind === 1) bytes = bytes.subarray(0, at);
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at / 2)]);
      else
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.of(prng.nextBelow(256)),
          bytes.subarray(at),
        ]);
    }
    return bytes;
  });
}

export function randomFrames(prng: Prng): readonly Frame[] {
  return Array.from({ length: prng.nextBelow(4) }, () =>
    Buffer.from(Array.from({ length: prng.nextBelow(64) }, () => prng.nextBelow(256))),
  );
}

/** 100 MB: half of the time an array of so many nils. */
export function largeFrame(prng: Prng): Frame {
  const frame = Buffer.alloc(LARGE_FRAME_BYTES, 0xc0);
  if (prng.nextBelow(2) === 0) {
    frame[0] = 0xdd;
    frame.writeUInt32BE(LARGE_FRAME_BYTES - 5, 1);
  }
  return frame;
}

const NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  -(2 ** 40),
  2 ** 52,
  1e308,
  0.5,
] as const;

function integer(prng: Prng): number {
  const value = NUMBERS[prng.nextBelow(NUMBERS.length)] ?? 0;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 53 ? value : -1;
}

/** Decodable outputs that mean nothing, of any engine and of requests that may exist. */
export function impossibleOutputs(
  prng: Prng,
  { requestIds, rank }: { readonly requestIds: readonly string[]; readonly rank: number },
): Partial<EngineCoreOutputs> {
  const requestId = requestIds[prng.nextBelow(requestIds.length)] ?? 'of nobody';
  const number = NUMBERS[prng.nextBelow(NUMBERS.length)] ?? 0;
  const finished = createEngineCoreOutput({ requestId, finishReason: FinishReason.STOP });
  const kinds: readonly (() => Partial<EngineCoreOutputs>)[] = [
    () => ({ engineIndex: integer(prng), schedulerStats: createSchedulerStats() }),
    () => ({ schedulerStats: createSchedulerStats({ numRunningReqs: integer(prng) }) }),
    () => ({ schedulerStats: createSchedulerStats({ kvCacheUsage: number }) }),
    () => ({
      timestamp: number,
      outputs: [createEngineCoreOutput({ requestId, newTokenIds: [1] })],
    }),
    () => ({ outputs: [createEngineCoreOutput({ requestId, newTokenIds: [integer(prng)] })] }),
    () => ({
      outputs: [createEngineCoreOutput({ requestId, newTokenIds: new Array<number>(1e5).fill(3) })],
    }),
    () => ({ outputs: [finished, finished], finishedRequests: [requestId, requestId] }),
    () => ({ outputs: [createEngineCoreOutput({ requestId: 'of nobody', newTokenIds: [1] })] }),
    () => ({ finishedRequests: ['of nobody', requestId] }),
    () => ({ utilityOutput: { callId: 2 ** 50, failureMessage: null, result: [1] } }),
    () => ({ waveComplete: integer(prng), startWave: integer(prng) }),
  ];
  return { engineIndex: rank, ...kinds[prng.nextBelow(kinds.length)]?.() };
}

/** One message for a frontend's or the coordinator's output socket. */
export function hostileOutputs(
  prng: Prng,
  target: { readonly requestIds: readonly string[]; readonly rank: number },
): readonly Frame[] {
  const kind = prng.nextBelow(10);
  if (kind === 0) return randomFrames(prng);
  const frames = wireCodec.encodeEngineCoreOutputs(
    createEngineCoreOutputs(impossibleOutputs(prng, target)),
  );
  return kind < 5 ? mutated(frames, prng) : frames;
}
