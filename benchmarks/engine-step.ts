/**
 * How fast the pure core steps: scheduler, KV cache manager, simulated executor with zero latency, outputs built but not
 * encoded. Prints steps/s and tokens/s by running requests, and each as a share of a bare loop that builds equally many
 * outputs and does nothing else, measured in the same run.
 *
 * Run: npx tsx benchmarks/engine-step.ts [--quick]
 */

import { createSpec } from '../src/capacity/spec/create-spec.ts';
import { createEngineCore } from '../src/engine-core/create-engine-core.ts';
import type { EngineCore } from '../src/engine-core/engine-core.ts';
import { createLatencyModel } from '../src/engine-core/executor/latency-model.ts';
import { SimulatedExecutor } from '../src/engine-core/executor/simulated-executor.ts';
import { createTokenSource } from '../src/engine-core/executor/token-source.ts';
import { DEFAULT_SCHEDULER_CONFIG } from '../src/engine-core/scheduler/scheduler-config.ts';
import { systemClock } from '../src/shared/clock.ts';
import {
  createEngineCoreOutput,
  createEngineCoreRequest,
  createSamplingParams,
} from '../src/shared/protocol/defaults.ts';

const BLOCK_SIZE = 16;
const VOCAB_SIZE = 128_256;
const PROMPT_TOKENS = 128;
const LONG_PROMPT_TOKENS = 2048;
const MAX_MODEL_LEN = 16_384;
const MAX_NUM_BATCHED_TOKENS = 8192;
const NUM_BLOCKS = 800_000;
const RUNNING = [1, 64, 256, 1024, 4096] as const;
const MAX_NUM_SEQS = 4096;
const quick = process.argv.includes('--quick');
const MEASURE_MS = quick ? 300 : 1500;

let nextId = 0;
let nextToken = 7;

function makeCore({ asyncScheduling = true } = {}): EngineCore {
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
      numBlocks: NUM_BLOCKS,
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
      maxNumSeqs: MAX_NUM_SEQS,
      maxNumBatchedTokens: MAX_NUM_BATCHED_TOKENS,
      maxModelLen: MAX_MODEL_LEN,
      asyncScheduling,
    },
    maxConcurrentBatches: asyncScheduling ? 2 : 1,
    logStats: true,
    includeFinishedSet: false,
  });
}

function makePrompt(length: number): number[] {
  return Array.from({ length }, () => {
    nextToken = (nextToken * 48_271) % 0x7fffffff;
    return 3 + (nextToken % (VOCAB_SIZE - 3));
  });
}

function add(core: EngineCore, promptTokenIds: number[], maxTokens: number): void {
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
function turn(core: EngineCore): number {
  core.beginStep();
  core.finishStep();
  let tokens = 0;
  for (const { outputs } of core.takeOutputs()) tokens += outputs.outputs.length;
  return tokens;
}

interface Figures {
  readonly stepsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly microsecondsPerToken: number;
}

function measure(run: () => number): Figures {
  const start = performance.now();
  let steps = 0;
  let tokens = 0;
  while (performance.now() - start < MEASURE_MS) {
    tokens += run();
    steps += 1;
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    stepsPerSecond: steps / seconds,
    tokensPerSecond: tokens / seconds,
    microsecondsPerToken: (seconds * 1e6) / Math.max(1, tokens),
  };
}

/** Requests that decode all through the measurement; ended ones are replaced. */
function decodeOnly(running: number, asyncScheduling: boolean): Figures {
  const core = makeCore({ asyncScheduling });
  const topUp = (): void => {
    const { numRunning, numWaiting } = core.getRequestCounts();
    for (let i = numRunning + numWaiting; i < running; i += 1) {
      add(core, makePrompt(PROMPT_TOKENS), 2048);
    }
  };
  topUp();
  for (let i = 0; i < 400; i += 1) turn(core);
  return measure(() => {
    const tokens = turn(core);
    if (core.getRequestCounts().numRunning < running) topUp();
    return tokens;
  });
}

/** While `running` requests decode, 2,048-token prompts come and go; `hitShare` of each is a shared prefix. */
function mixed(running: number, hitShare: number): Figures {
  const core = makeCore();
  for (let i = 0; i < Math.min(running, 1000); i += 1) add(core, makePrompt(PROMPT_TOKENS), 8000);
  const prefix = makePrompt(LONG_PROMPT_TOKENS * hitShare);
  const addLong = (): void =>
    add(core, [...prefix, ...makePrompt(LONG_PROMPT_TOKENS - prefix.length)], 1);
  for (let i = 0; i < 40; i += 1) {
    addLong();
    turn(core);
  }
  return measure(() => {
    addLong();
    return turn(core);
  });
}

/** What building the outputs alone costs: the floor under any engine that hands out such objects. */
function bareOutputs(running: number): Figures {
  return measure(() => {
    const outputs = [];
    for (let i = 0; i < running; i += 1) {
      outputs.push(createEngineCoreOutput({ requestId: 'request', newTokenIds: [i] }));
    }
    return outputs.length;
  });
}

function report(name: string, running: number, figures: Figures, bare: Figures): void {
  const share = figures.tokensPerSecond / bare.tokensPerSecond;
  const columns = [
    name.padEnd(26),
    String(running).padStart(7),
    Math.round(figures.stepsPerSecond).toLocaleString('en').padStart(11),
    Math.round(figures.tokensPerSecond).toLocaleString('en').padStart(12),
    figures.microsecondsPerToken.toFixed(3).padStart(9),
    `${(share * 100).toFixed(0)} %`.padStart(8),
  ];
  process.stdout.write(`${columns.join(' ')}\n`);
}

process.stdout.write(
  `${'workload'.padEnd(26)} running     steps/s     tokens/s  µs/token  of bare\n`,
);
bareOutputs(256);
const cost = new Map<number, number>();
for (const running of RUNNING) {
  const bare = bareOutputs(running);
  const figures = decodeOnly(running, true);
  cost.set(running, figures.microsecondsPerToken);
  report('decode, async', running, figures, bare);
  report('decode, sync', running, decodeOnly(running, false), bare);
}
for (const running of quick ? [256] : RUNNING) {
  const bare = bareOutputs(running);
  for (const hitShare of [0, 0.9]) {
    report(`mixed, ${hitShare * 100} % prefix hits`, running, mixed(running, hitShare), bare);
  }
}
const flatness = (cost.get(4096) ?? 0) / (cost.get(256) ?? 1);
process.stdout.write(`cost per token, 4,096 over 256 running: ${flatness.toFixed(2)}×\n`);
