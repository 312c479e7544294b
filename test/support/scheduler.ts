import assert from 'node:assert/strict';
/** A scheduler without an engine around it: every argument has a default, a test names only what it is about. */
import {
  type BlockHasher,
  createBlockHasher,
} from '../../src/engine-core/kv-cache/hash/block-hash.ts';
import { KVCacheManager } from '../../src/engine-core/kv-cache/kv-cache-manager.ts';
import { Request } from '../../src/engine-core/scheduler/request.ts';
import { Scheduler } from '../../src/engine-core/scheduler/scheduler.ts';
import {
  DEFAULT_SCHEDULER_CONFIG,
  type SchedulerConfig,
} from '../../src/engine-core/scheduler/scheduler-config.ts';
import {
  NO_SAMPLE,
  type SchedulerOutput,
} from '../../src/engine-core/scheduler/scheduler-output.ts';
import {
  type ClientBatch,
  type LogprobsSource,
  updateFromOutput,
} from '../../src/engine-core/scheduler/update-from-output.ts';
import { VirtualClock } from '../../src/shared/clock.ts';
import type { KVCacheEvictionEvent } from '../../src/shared/protocol/stats.ts';
import { createTestRequest, type TestRequest } from './engine.ts';
import { createGroup } from './kv-cache.ts';

const BLOCK_SIZE = 16;
const NO_LOGPROBS: LogprobsSource = { sampleLogprobs: () => null, promptLogprobs: () => null };

export interface SchedulerBenchOptions extends Partial<SchedulerConfig> {
  readonly numBlocks?: number;
  readonly enableCaching?: boolean;
  readonly logStats?: boolean;
  readonly includeFinishedSet?: boolean;
  readonly decodeStagger?: number;
  readonly logprobs?: LogprobsSource;
  readonly drainEvictionEvents?: () => KVCacheEvictionEvent[];
}

/** One group of full attention with blocks of 16 tokens. A sampled token is 1000, 1001, … unless the test says which. */
export class SchedulerBench {
  readonly scheduler: Scheduler;
  readonly clock = new VirtualClock();
  readonly kvCacheManager: KVCacheManager;
  readonly #hasher: BlockHasher | null;
  readonly #logprobs: LogprobsSource;
  #nextToken = 1000;

  constructor(options: SchedulerBenchOptions = {}) {
    const {
      numBlocks = 100,
      enableCaching = true,
      logStats = true,
      includeFinishedSet = false,
      decodeStagger = 1,
      logprobs = NO_LOGPROBS,
      drainEvictionEvents,
      ...fields
    } = options;
    const config = {
      ...DEFAULT_SCHEDULER_CONFIG,
      maxNumSeqs: 8,
      maxNumBatchedTokens: 100,
      maxModelLen: 256,
      asyncScheduling: false,
      ...fields,
    };
    this.#logprobs = logprobs;
    this.#hasher = enableCaching
      ? createBlockHasher({ hashBlockSize: BLOCK_SIZE, algorithm: 'sha256', exact: false })
      : null;
    this.kvCacheManager = new KVCacheManager({
      kvCacheConfig: { numBlocks, groups: [createGroup({ kind: 'full_attention' })] },
      maxModelLen: config.maxModelLen,
      maxInFlightTokens: config.maxNumBatchedTokens,
      schedulerBlockSize: BLOCK_SIZE,
      hashBlockSize: BLOCK_SIZE,
      enableCaching,
      retentionInterval: 0,
      logStats,
      enableKvCacheEvents: false,
      watermark: config.watermark,
    });
    this.scheduler = new Scheduler({
      config,
      kvCacheManager: this.kvCacheManager,
      mambaSplit: null,
      clock: this.clock,
      logStats,
      includeFinishedSet,
      decodeStagger,
      ...(drainEvictionEvents === undefined ? {} : { drainEvictionEvents }),
    });
  }

  /** A request of 20 prompt tokens that shares no prefix with another one, and 5 tokens to make. */
  add(requestId: string, options: TestRequest = {}): Request {
    const request = new Request(createTestRequest({ requestId, ...options }));
    this.#hasher?.update(request);
    this.scheduler.addRequest(request);
    return request;
  }

  schedule({ throttlePrefills = false } = {}): SchedulerOutput {
    return this.scheduler.schedule(throttlePrefills);
  }

  /** Takes in what a step sampled; `tokens` by request id. */
  update(output: SchedulerOutput, tokens: Readonly<Record<string, number>> = {}): ClientBatch[] {
    for (let i = 0; i < output.numRequests; i++) {
      const id = output.requests[i]?.requestId ?? '';
      const samples = output.samplePositions[i] !== NO_SAMPLE;
      output.sampledTokenIds[i] = samples ? (tokens[id] ?? this.#nextToken++) : NO_SAMPLE;
    }
    const results = {
      ...this.#logprobs,
      pooledOutput: () => assert.fail('nothing is pooled here'),
      returnsSamplingMask: false,
      samplingMask: () => null,
    };
    const batches = updateFromOutput(this.scheduler.state, output, results, this.#hasher);
    this.scheduler.release(output);
    return batches;
  }

  /** One whole step. Returns what was scheduled: tokens by request id, in the order of the batch. */
  step(
    options: { throttlePrefills?: boolean; tokens?: Readonly<Record<string, number>> } = {},
  ): Record<string, number> {
    const output = this.schedule(options);
    const scheduled = scheduledTokens(output);
    this.update(output, options.tokens);
    return scheduled;
  }
}

export function scheduledTokens(output: SchedulerOutput): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: output.numRequests }, (_, i) => [
      output.requests[i]?.requestId ?? '',
      output.numScheduledTokens[i] ?? 0,
    ]),
  );
}
