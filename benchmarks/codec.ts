/**
 * The codec's hot paths against msgpackr packing and unpacking plain arrays of the same content in the same run: encoding
 * is msgpackr's work and what makes a struct ready for it, decoding is the codec's own reader.
 * Prints messages/s, requests or outputs/s, and the ratio; a ratio above 1 is faster than msgpackr.
 */
import { Packr } from 'msgpackr';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createEngineCoreRequest,
  createPrefixCacheStats,
  createSamplingParams,
  createSchedulerStats,
} from '../src/shared/protocol/defaults.ts';
import { WIRE_VERSIONS } from '../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../src/shared/protocol/wire-codec.ts';
import { VLLM_VERSION } from '../src/shared/version.ts';

const { decodeEngineCoreOutputs, decodeEngineInput, encodeEngineCoreOutputs, encodeEngineInput } =
  createWireCodec(WIRE_VERSIONS[VLLM_VERSION]);

const MEASURE_MS = 400;

/** Calls per second of CPU time, warmed up: other processes on the machine do not count. */
function rate(call: () => unknown): number {
  for (let i = 0; i < 2_000; i++) call();
  let count = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  while (performance.now() - start < MEASURE_MS) {
    for (let i = 0; i < 50; i++) call();
    count += 50;
  }
  const { user, system } = process.cpuUsage(cpu);
  return (count * 1e6) / (user + system);
}

const packr = new Packr({ useRecords: false, variableMapSize: true });

function report(
  name: string,
  ours: () => unknown,
  theirs: () => unknown,
  itemsPerCall: number,
): void {
  const [mine, other] = [rate(ours), rate(theirs)];
  const perItem = (1e9 / (mine * itemsPerCall)).toFixed(0);
  console.log(
    `${name.padEnd(44)} ${Math.round(mine).toLocaleString().padStart(10)}/s  ${perItem.padStart(6)} ns each  ${(mine / other).toFixed(2)} x msgpackr`,
  );
}

const requestId = (index: number): string =>
  `cmpl-5f1c8a3e9b7d4f60a1c2e3d4f5a6b7c8-${index}-0b1c2d3e`;

for (const numOutputs of [1, 16, 256]) {
  const message = createEngineCoreOutputs({
    timestamp: 12345.678,
    weightVersion: 'default',
    outputs: Array.from({ length: numOutputs }, (_, index) =>
      createEngineCoreOutput({ requestId: requestId(index), newTokenIds: [1000 + index * 37] }),
    ),
    schedulerStats: createSchedulerStats({
      numRunningReqs: numOutputs,
      kvCacheUsage: 0.37,
      prefixCacheStats: createPrefixCacheStats({ requests: 3, queries: 1000, hits: 512 }),
    }),
  });
  const frames = encodeEngineCoreOutputs(message);
  const plain = packr.unpack(frames[0] as Buffer) as unknown;
  const packed = packr.pack(plain);
  report(
    `encode outputs, ${numOutputs} with one token, stats`,
    () => encodeEngineCoreOutputs(message),
    () => packr.pack(plain),
    numOutputs,
  );
  report(
    `decode outputs, ${numOutputs} with one token, stats`,
    () => decodeEngineCoreOutputs(frames),
    () => packr.unpack(packed),
    numOutputs,
  );
}

for (const numTokens of [16, 512, 8192]) {
  const input = {
    type: 'ADD',
    request: createEngineCoreRequest({
      requestId: requestId(0),
      promptTokenIds: Array.from({ length: numTokens }, (_, index) => (index * 7919) % 128_000),
      samplingParams: createSamplingParams({
        temperature: 0.7,
        topP: 0.9,
        maxTokens: 128,
        stop: [],
        stopTokenIds: [],
        badWords: [],
        outputKind: 1,
        eosTokenId: 2,
        allStopTokenIds: [2],
        skipReadingPrefixCache: false,
      }),
      arrivalTime: 1_700_000_000.25,
    }),
  } as const;
  const frames = encodeEngineInput(input);
  const plain = packr.unpack(frames[1] as Buffer) as unknown;
  const packed = packr.pack(plain);
  report(
    `encode ADD, ${numTokens} prompt tokens`,
    () => encodeEngineInput(input),
    () => packr.pack(plain),
    1,
  );
  report(
    `decode ADD, ${numTokens} prompt tokens`,
    () => decodeEngineInput(frames),
    () => packr.unpack(packed),
    1,
  );
}
