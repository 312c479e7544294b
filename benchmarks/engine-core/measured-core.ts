/** The pure core as benchmarks step it: scheduler, KV cache manager and an executor that takes no time; no sockets. */
import { createSpec } from '../../src/capacity/spec/create-spec.ts';
import { createEngineCore } from '../../src/engine-core/create-engine-core.ts';
import type { EngineCore } from '../../src/engine-core/engine-core.ts';
import { createLatencyModel } from '../../src/engine-core/executor/latency-model.ts';
import { SimulatedExecutor } from '../../src/engine-core/executor/simulated-executor.ts';
import { createTokenSource } from '../../src/engine-core/executor/token-source.ts';
import { DEFAULT_SCHEDULER_CONFIG } from '../../src/engine-core/scheduler/scheduler-config.ts';
import { systemClock } from '../../src/shared/clock.ts';
import {
  createEngineCoreRequest,
  createSamplingParams,
} from '../../src/shared/protocol/defaults.ts';

const BLOCK_SIZE = 16;
const VOCAB_SIZE = 128_256;
export const PROMPT_TOKENS = 128;
const MAX_MODEL_LEN = 16_384;
const MAX_NUM_BATCHED_TOKENS = 8192;
const NUM_BLOCKS = 800_000;
const MAX_NUM_SEQS = 4096;
/** What a decoding request is asked for: many steps between one that ends and the next. */
const DECODED_TOKENS = 2048;
/** Turns before anything is counted: the hot paths are compiled then. */
const WARM_UP_TURNS = 400;

let nextId = 0;
let nextToken = 7;

export function makeCore({
  asyncScheduling = true,
  maxNumSeqs = MAX_NUM_SEQS,
  numBlocks = NUM_BLOCKS,
} = {}): EngineCore {
  const tokenSource = createTokenSource({
    kind: 'random',
    seed: 1,
    vocabSize: VOCAB_SIZE,
    eosTokenId: 2,
    maxModelLen: MAX_MODEL_LEN,
  });
  return createEngineCore({
    engineIndex: 0,
    clock: systemClock,
    executor: new SimulatedExecutor({
      tokenSource,
      latencyModel: createLatencyModel({ kind: 'zero' }),
      vocabSize: VOCAB_SIZE,
      numWorkers: 1,
      adapters: null,
    }),
    kvCacheConfig: {
      numBlocks,
      groups: [
        {
          layerNames: ['layers.0'],
          spec: createSpec({
            kind: 'full_attention',
            blockSize: BLOCK_SIZE,
            numKvHeads: 8,
            headSize: 128,
            dtype: 'bfloat16',
          }),
          isEagleGroup: false,
        },
      ],
    },
    cache: {
      blockSize: BLOCK_SIZE,
      schedulerBlockSize: BLOCK_SIZE,
      hashBlockSize: BLOCK_SIZE,
      enablePrefixCaching: true,
      prefixCachingHashAlgo: 'sha256',
      prefixCacheRetentionInterval: 0,
      enableKvCacheEvents: false,
    },
    scheduler: {
      ...DEFAULT_SCHEDULER_CONFIG,
      maxNumSeqs,
      maxNumBatchedTokens: MAX_NUM_BATCHED_TOKENS,
      maxModelLen: MAX_MODEL_LEN,
      asyncScheduling,
    },
    maxConcurrentBatches: asyncScheduling ? 2 : 1,
    logStats: true,
    includeFinishedSet: false,
  });
}

export function makePrompt(length: number): number[] {
  return Array.from({ length }, () => {
    nextToken = (nextToken * 48_271) % 0x7fffffff;
    return 3 + (nextToken % (VOCAB_SIZE - 3));
  });
}

export function add(core: EngineCore, promptTokenIds: number[], maxTokens: number): void {
  nextId += 1;
  core.handleInput({
    type: 'ADD',
    request: createEngineCoreRequest({
      requestId: `request-${nextId}`,
      promptTokenIds,
      samplingParams: createSamplingParams({ maxTokens, temperature: 0, stopTokenIds: [] }),
      arrivalTime: 0,
    }),
  });
}

/** One turn of the loop; returns the tokens that came out. */
export function turn(core: EngineCore): number {
  core.beginStep();
  core.finishStep();
  let tokens = 0;
  for (const { outputs } of core.takeOutputs()) tokens += outputs.outputs.length;
  return tokens;
}

/**
 * A core that is warm and has `running` requests that decode; each call of the result is one turn, returns its tokens, and
 * puts new requests in the place of those that have ended.
 */
export function decoding(running: number, asyncScheduling = true): () => number {
  const blocksOfRequest = Math.ceil((PROMPT_TOKENS + DECODED_TOKENS) / BLOCK_SIZE) + 1;
  const core = makeCore({
    asyncScheduling,
    maxNumSeqs: Math.max(MAX_NUM_SEQS, running),
    numBlocks: Math.max(NUM_BLOCKS, running * blocksOfRequest + 1),
  });
  const topUp = (): void => {
    const { numRunning, numWaiting } = core.getRequestCounts();
    for (let i = numRunning + numWaiting; i < running; i += 1)
      add(core, makePrompt(PROMPT_TOKENS), DECODED_TOKENS);
  };
  topUp();
  for (let i = 0; i < WARM_UP_TURNS; i += 1) turn(core);
  return () => {
    const tokens = turn(core);
    if (core.getRequestCounts().numRunning < running) topUp();
    return tokens;
  };
}
