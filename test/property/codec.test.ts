/** What is encoded decodes to itself, and no frame whatever makes the decoder do anything but throw E_BAD_FRAME. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/shared/errors.ts';
import type { Frames } from '../../src/shared/protocol/decode-message.ts';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createEngineCoreRequest,
  createPrefillStats,
  createPrefixCacheStats,
  createSamplingParams,
  createSchedulerStats,
} from '../../src/shared/protocol/defaults.ts';
import { MsgpackReader } from '../../src/shared/protocol/msgpack-reader.ts';
import { packableUntyped, packBytes } from '../../src/shared/protocol/msgpack-writer.ts';
import type { NdArray } from '../../src/shared/protocol/outputs.ts';
import type { EngineInput } from '../../src/shared/protocol/request.ts';
import { wireCodec } from '../support/wire-codec.ts';
import type { WireRecording } from '../support/wire-meaning.ts';

const {
  decodeCoordinatorUpdate,
  decodeEngineCoreOutputs,
  decodeEngineInput,
  decodeHandshakeMessage,
  decodeHandshakeMetadata,
  decodeKVEventMessage,
  decodeKVEventReplayReply,
  decodeKVEventReplayRequest,
  decodeReadyResponse,
  decodeFrontendNotice,
  encodeCoordinatorUpdate,
  encodeEngineCoreOutputs,
  encodeEngineInput,
  encodeKVEventBatch,
  encodeKVEventMessage,
} = wireCodec;

const RUNS = 300;

const int = fc.oneof(
  fc.nat(200),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1),
  fc.constantFrom(127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const nat = int.map(Math.abs);
const int64 = fc.oneof(
  int,
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
);
const float = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 2 ** 31, 2 ** 32, 2 ** 53),
);
/** Without a declared type an integral number is an integer, which has no negative zero. */
const untypedFloat = fc.double().filter((value) => !Object.is(value, -0));
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 300 }));
const tokens = fc.array(fc.oneof(fc.nat(127), fc.nat(200_000)), { maxLength: 40 });
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { freq: 2, nil: null });
const untyped = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    int64,
    untypedFloat,
    text,
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(text, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

const ndArray = (dtype: string, size: number): fc.Arbitrary<NdArray> =>
  fc
    .tuple(fc.nat(12), fc.nat(12))
    .chain(([rows, columns]) =>
      fc
        .uint8Array({ minLength: rows * columns * size, maxLength: rows * columns * size })
        .map((data) => ({ dtype, shape: [rows, columns], data: Buffer.from(data) })),
    );

const samplingParams = fc
  .record(
    {
      temperature: float,
      topP: float,
      topK: int,
      seed: orNull(int64),
      stop: orNull(fc.array(text)),
      stopTokenIds: orNull(tokens),
      maxTokens: orNull(nat),
      outputKind: fc.constantFrom(0, 1, 2),
      eosTokenId: orNull(nat),
      allStopTokenIds: tokens,
      logitBias: orNull(fc.dictionary(fc.nat(1000).map(String), float, { noNullPrototype: true })),
      extraArgs: orNull(fc.dictionary(text, untyped, { noNullPrototype: true })),
      badWordsTokenIds: orNull(fc.array(tokens, { maxLength: 3 })),
      skipReadingPrefixCache: orNull(fc.boolean()),
      structuredOutputs: untyped,
      repetitionDetection: orNull(
        fc.record({ maxPatternSize: nat, minPatternSize: nat, minCount: nat }),
      ),
    },
    { requiredKeys: [] },
  )
  .map((values) => createSamplingParams(values as Parameters<typeof createSamplingParams>[0]));

const request = fc
  .record(
    {
      requestId: text,
      promptTokenIds: orNull(tokens),
      samplingParams: orNull(samplingParams),
      arrivalTime: float,
      loraRequest: orNull(
        fc.record({
          loraName: text,
          loraIntId: nat,
          loraPath: text,
          baseModelName: orNull(text),
          loadInplace: fc.boolean(),
          is3dLoraWeight: fc.boolean(),
        }),
      ),
      cacheSalt: orNull(text),
      dataParallelRank: orNull(nat),
      promptEmbeds: orNull(ndArray('float32', 4)),
      clientIndex: nat,
      priority: int,
      traceHeaders: orNull(fc.dictionary(text, text, { noNullPrototype: true })),
      abortImmediately: fc.boolean(),
      kvHints: untyped,
    },
    { requiredKeys: [] },
  )
  .map((values) => createEngineCoreRequest(values));

const engineInput: fc.Arbitrary<EngineInput> = fc.oneof(
  request.map((added) => ({ type: 'ADD', request: added }) as const),
  fc.array(text).map((requestIds) => ({ type: 'ABORT', requestIds }) as const),
  fc.record({
    type: fc.constant('START_DP_WAVE' as const),
    wave: nat,
    excludeEngineIndex: orNull(nat),
  }),
  fc
    .record({ clientIndex: nat, callId: int64, method: text, args: fc.array(untyped) })
    .map((call) => ({ type: 'UTILITY', call }) as const),
);

const logprobs = fc.record({
  logprobTokenIds: ndArray('<i4', 4),
  logprobs: ndArray('<f4', 4),
  sampledTokenRanks: ndArray('<i8', 8),
  cuNumGeneratedTokens: orNull(fc.array(nat)),
});

const output = fc
  .record(
    {
      requestId: text,
      newTokenIds: tokens,
      newLogprobs: orNull(logprobs),
      finishReason: orNull(fc.constantFrom(0, 1, 2, 3, 4)),
      stopReason: orNull(fc.oneof(int, text)),
      events: orNull(
        fc.array(fc.record({ type: fc.constantFrom(1, 2, 3), timestamp: float }), { maxLength: 4 }),
      ),
      kvTransferParams: untyped,
      prefillStats: orNull(nat.map((numPromptTokens) => createPrefillStats({ numPromptTokens }))),
      routedExperts: orNull(ndArray('|u1', 1)),
      numNansInLogits: nat,
      error: orNull(fc.record({ code: text, message: text, retryable: fc.boolean() })),
    },
    { requiredKeys: [] },
  )
  .map((values) => createEngineCoreOutput(values as Parameters<typeof createEngineCoreOutput>[0]));

const schedulerStats = fc
  .record({
    numRunningReqs: nat,
    numWaitingReqs: nat,
    kvCacheUsage: float,
    prefixCacheStats: fc
      .record({ reset: fc.boolean(), requests: nat, queries: nat, hits: nat })
      .map(createPrefixCacheStats),
    waitingLoraAdapters: fc.dictionary(text, nat, { noNullPrototype: true }),
    kvCacheEvictionEvents: fc.array(
      fc.record({
        lifetimeSeconds: float,
        idleSeconds: float,
        reuseGapsSeconds: fc.array(float, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  })
  .map(createSchedulerStats);

const outputs = fc
  .record(
    {
      engineIndex: nat,
      outputs: fc.array(output, { maxLength: 20 }),
      schedulerStats: orNull(schedulerStats),
      timestamp: float,
      utilityOutput: orNull(
        fc.record({
          callId: int64,
          failureMessage: orNull(text),
          result: fc.oneof(untyped, fc.constant(undefined)),
        }),
      ),
      finishedRequests: orNull(fc.array(text)),
      waveComplete: orNull(nat),
      startWave: orNull(nat),
      weightVersion: orNull(text),
    },
    { requiredKeys: [] },
  )
  .map(createEngineCoreOutputs);

const blockHash = fc.oneof(
  int64.filter((hash) => hash >= 0),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
);
const kvEvent = fc.oneof(
  fc.record({
    type: fc.constant('BlockStored' as const),
    blockHashes: fc.array(blockHash),
    parentBlockHash: orNull(blockHash),
    tokenIds: tokens,
    blockSize: nat,
    loraId: orNull(nat),
    medium: orNull(text),
    loraName: orNull(text),
    extraKeys: orNull(fc.array(orNull(fc.array(untyped, { maxLength: 3 })), { maxLength: 3 })),
    groupIdx: orNull(nat),
    kvCacheSpecKind: orNull(text),
    kvCacheSpecSlidingWindow: orNull(nat),
    locality: orNull(text),
    ownership: orNull(text),
    sessionId: orNull(text),
    lookaheadTokenIds: orNull(fc.array(tokens, { maxLength: 3 })),
  }),
  fc.record({
    type: fc.constant('BlockRemoved' as const),
    blockHashes: fc.array(blockHash),
    medium: orNull(text),
    groupIdx: orNull(nat),
    locality: orNull(text),
    ownership: orNull(text),
  }),
  fc.constant({ type: 'AllBlocksCleared' as const }),
);

describe('what is encoded decodes to itself', () => {
  it('for every input of an engine', () => {
    fc.assert(
      fc.property(engineInput, (input) => {
        expect(decodeEngineInput(encodeEngineInput(input))).toEqual(input);
      }),
      { numRuns: RUNS },
    );
  });

  it('for every output of an engine', () => {
    fc.assert(
      fc.property(outputs, (message) => {
        expect(decodeEngineCoreOutputs(encodeEngineCoreOutputs(message))).toEqual(message);
      }),
      { numRuns: RUNS },
    );
  });

  it('for KV events and coordinator updates', () => {
    const message = fc.record({
      topic: text,
      seq: nat,
      batch: fc.record({
        ts: float,
        events: fc.array(kvEvent, { maxLength: 5 }),
        dataParallelRank: orNull(nat),
      }),
    });
    const update = fc.record({
      counts: orNull(fc.array(fc.tuple(nat, nat, float), { maxLength: 40 })),
      currentWave: nat,
      enginesRunning: fc.boolean(),
    });
    fc.assert(
      fc.property(message, update, ({ topic, seq, batch }, wave) => {
        const payload = encodeKVEventBatch(batch);
        expect(decodeKVEventMessage(encodeKVEventMessage({ topic, seq, payload }))).toEqual({
          topic,
          seq,
          batch,
        });
        expect(decodeCoordinatorUpdate(encodeCoordinatorUpdate(wave))).toEqual(wave);
      }),
      { numRuns: RUNS },
    );
  });

  it('for any untyped value, and another decoder reads the same', () => {
    fc.assert(
      fc.property(untyped, (value) => {
        const frames = [packBytes(packableUntyped(value))];
        const reader = new MsgpackReader(frames, 0);
        expect(reader.any()).toEqual(value);
        reader.finish();
        // msgpackr reads 64-bit integers as bigint and renames __proto__: compare what both can say.
        if (!JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? 'big' : v)).includes('__')) {
          expect(normalized(unpack(frames[0] as Buffer))).toEqual(normalized(value));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

/** Integers as text, whether number or bigint, and bytes as hex. */
function normalized(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return `${Number(value)}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, normalized(v)]));
}

const DECODERS: readonly ((frames: Frames) => unknown)[] = [
  decodeEngineInput,
  decodeEngineCoreOutputs,
  decodeReadyResponse,
  decodeHandshakeMessage,
  decodeHandshakeMetadata,
  decodeCoordinatorUpdate,
  decodeFrontendNotice,
  decodeKVEventMessage,
  decodeKVEventReplayRequest,
  decodeKVEventReplayReply,
];

/** Every decoder returns or throws E_BAD_FRAME with a message; true if one returned. */
function decodesOrRefuses(frames: Frames): boolean {
  let numReturned = 0;
  for (const decode of DECODERS) {
    try {
      decode(frames);
      numReturned++;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      expect(error.code).toBe('E_BAD_FRAME');
      expect(error.message).toMatch(/expected .+, got .+/);
    }
  }
  return numReturned > 0;
}

describe('garbage', () => {
  const recording = JSON.parse(
    readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'),
  ) as WireRecording;
  const recorded = recording.samples.map(({ frames }) =>
    frames.filter((frame) => frame.length < 4000).map((frame) => Buffer.from(frame, 'hex')),
  );

  const oneOfEachKind = [...new Map(recording.samples.map(({ kind }, i) => [kind, recorded[i]]))]
    .map(([, frames]) => frames ?? [])
    .filter((frames) => frames.length > 0);

  it('is refused: random frames', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
    fc.assert(
      fc.property(frames, (message) => void decodesOrRefuses(message)),
      {
        numRuns: 3_000,
      },
    );
  });

  it('is refused: recorded frames with some bytes changed', () => {
    const mutation = fc.record({
      sample: fc.nat(recorded.length - 1),
      frame: fc.nat(3),
      changes: fc.array(fc.tuple(fc.nat(5_000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    });
    let numDecoded = 0;
    fc.assert(
      fc.property(mutation, ({ sample, frame, changes }) => {
        const frames = (recorded[sample] ?? []).map((bytes) => Buffer.from(bytes));
        const target = frames[frame % Math.max(1, frames.length)];
        if (target === undefined || target.length === 0) return;
        for (const [position, byte] of changes) target[position % target.length] = byte;
        if (decodesOrRefuses(frames)) numDecoded++;
      }),
      { numRuns: 3_000 },
    );
    expect(numDecoded).toBeGreaterThan(0);
  });

  it('is refused: recorded frames cut at every byte, or with one more', () => {
    for (const frames of oneOfEachKind) {
      const last = frames.at(-1) ?? Buffer.alloc(0);
      for (let length = 0; length < last.length; length++) {
        decodesOrRefuses([...frames.slice(0, -1), last.subarray(0, length)]);
      }
      decodesOrRefuses([...frames.slice(0, -1), Buffer.concat([last, Buffer.alloc(1)])]);
    }
  });

  it('is refused without allocating what a header announces', () => {
    const bombs = ['dd', 'df', 'db', 'c6', 'c9'].map((code) => `${code}ffffffff`);
    const nested = [`${'91'.repeat(100_000)}c0`, `${'81a161'.repeat(100_000)}c0`];
    const arrays = `dd${'7fffffff'}${'dd7fffffff'.repeat(1000)}`;
    const before = process.memoryUsage().rss;
    for (const bomb of [...bombs, ...nested, arrays]) {
      const frame = Buffer.from(bomb, 'hex');
      decodesOrRefuses([frame]);
      decodesOrRefuses([Buffer.of(0), frame]);
      decodesOrRefuses([
        Buffer.of(3),
        Buffer.concat([Buffer.from('9400 01a161'.replace(' ', ''), 'hex'), frame]),
      ]);
      decodesOrRefuses([Buffer.concat([Buffer.from('9900', 'hex'), frame])]);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  it('is refused: frames beyond the size limit', () => {
    expect(() => decodeEngineInput([Buffer.of(0), Buffer.alloc(100 * 1024 * 1024)])).toThrow(
      /at most 67108864 bytes/,
    );
  });
});
