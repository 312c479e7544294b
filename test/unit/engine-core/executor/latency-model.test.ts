import { describe, expect, it } from 'vitest';
import {
  createLatencyModel,
  type LatencyModelOptions,
} from '../../../../src/engine-core/executor/latency-model.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import {
  ScheduleKind,
  SchedulerOutput,
} from '../../../../src/engine-core/scheduler/scheduler-output.ts';
import { createTestRequest } from '../../../support/engine.ts';

/** Llama-3.1-8B: 32 layers, 32 heads of 128, 8 KV heads, bfloat16. Source: its public config.json. */
const LLAMA_3_1_8B = {
  parameterCount: 8.03e9,
  activeParameterCount: 8.03e9,
  weightsBytes: 16.06e9,
  numLayers: 32,
  attentionSize: 4096,
  kvReaders: [{ bytesPerToken: 2 * 32 * 8 * 128 * 2, maxTokens: null }],
};
/** NVIDIA H100 SXM data sheet: 989 TFLOP/s dense bfloat16, 3.35 TB/s. */
const H100 = { peakFlops: 989e12, bandwidthBytesPerSecond: 3.35e12, tensorParallelSize: 1 };
/** Mixtral-8x7B: 46.7 G parameters, 12.9 G of them active. Source: its public model card. */
const MIXTRAL = {
  ...LLAMA_3_1_8B,
  parameterCount: 46.7e9,
  activeParameterCount: 12.9e9,
  weightsBytes: 93.4e9,
};

/** A step of requests with so many computed and new tokens each. */
function step(requests: readonly (readonly [computed: number, added: number])[]): SchedulerOutput {
  const output = new SchedulerOutput(Math.max(1, requests.length));
  for (const [computed, added] of requests) {
    const request = new Request(createTestRequest());
    request.numComputedTokens = computed;
    output.append(request, ScheduleKind.RUNNING, added, undefined);
  }
  return output;
}

function stepMs(
  requests: readonly (readonly [number, number])[],
  options: Partial<Extract<LatencyModelOptions, { kind: 'roofline' }>> = {},
): number {
  const roofline = { kind: 'roofline', model: LLAMA_3_1_8B, gpu: H100, ...options } as const;
  return createLatencyModel(roofline).stepMs(step(requests));
}

function decode(batch: number, context = 512): (readonly [number, number])[] {
  return Array.from({ length: batch }, () => [context, 1] as const);
}

describe('roofline of Llama-3.1-8B on an H100', () => {
  it('decodes one request a few milliseconds above what reading the weights takes', () => {
    const floorMs = 16.06e9 / 3.35e9;
    expect(stepMs(decode(1))).toBeGreaterThan(floorMs);
    expect(stepMs(decode(1))).toBeLessThan(1.8 * floorMs);
  });

  // NVIDIA's figures for NIM 1.8.0, Llama-3.1-8B-instruct in fp8 on one H100 80 GB: 4.63 ms between tokens at
  // concurrency 1. Source: docs.nvidia.com/nim/benchmarking/llm/1.0.0/performance.
  it('comes within a third of a measured 4.6 ms in fp8', () => {
    const model = { ...LLAMA_3_1_8B, weightsBytes: 8.03e9 };
    const ms = stepMs(decode(1), { model, gpu: { ...H100, peakFlops: 1979e12 } });
    expect(ms).toBeGreaterThan(4.63 / 1.33);
    expect(ms).toBeLessThan(4.63 * 1.33);
  });

  // vLLM's own benchmark on an H200 (4.8 TB/s): 8 requests of 32 + 128 tokens in bfloat16 take 833 ms.
  // Source: buildkite.com/vllm/performance-benchmark, build 9515, latency_llama8B_tp1.
  it('comes within a third of a measured batch of 8 on an H200', () => {
    const gpu = { ...H100, bandwidthBytesPerSecond: 4.8e12 };
    let ms = stepMs(
      Array.from({ length: 8 }, () => [0, 32] as const),
      { gpu },
    );
    for (let i = 1; i < 128; i += 1) ms += stepMs(decode(8, 31 + i), { gpu });
    expect(ms).toBeGreaterThan(833 / 1.33);
    expect(ms).toBeLessThan(833 * 1.33);
  });

  it('hardly slows down with a few more requests, and clearly with many long ones', () => {
    expect(stepMs(decode(16)) / stepMs(decode(1))).toBeLessThan(1.2);
    expect(stepMs(decode(256, 4096)) / stepMs(decode(1))).toBeGreaterThan(4);
  });

  // 2 x 8.03 G FLOP a token against 989 TFLOP/s bound it at 61,000 tokens/s; engines reach about half of it.
  it('prefills tens of thousands of tokens a second', () => {
    const tokensPerSecond = (8192 / stepMs([[0, 8192]])) * 1000;
    expect(tokensPerSecond).toBeGreaterThan(20_000);
    expect(tokensPerSecond).toBeLessThan(61_000);
  });

  it('pays for attention: the same chunk is dearer late in a long context', () => {
    expect(stepMs([[100_000, 2048]])).toBeGreaterThan(1.5 * stepMs([[0, 2048]]));
  });

  it('reads no more than the window where there is one', () => {
    const kvReaders = [{ bytesPerToken: 131_072, maxTokens: 1024 }];
    const model = { ...LLAMA_3_1_8B, kvReaders };
    const long = stepMs(decode(64, 100_000), { model });
    expect(long).toBeLessThan(1.5 * stepMs(decode(64, 1024), { model }));
  });

  it('splits over GPUs, less the all-reduces', () => {
    const two = stepMs(decode(1), { gpu: { ...H100, tensorParallelSize: 2 } });
    expect(two).toBeLessThan(stepMs(decode(1)) * 0.75);
    expect(two).toBeGreaterThan(stepMs(decode(1)) * 0.5);
  });
});

describe('roofline of a model with experts', () => {
  it('touches only the active experts for one token and all of them for many', () => {
    const one = stepMs(decode(1), { model: MIXTRAL });
    const many = stepMs(decode(64), { model: MIXTRAL });
    expect(one).toBeLessThan(0.4 * many);
    expect(many).toBeGreaterThan(93.4e9 / 3.35e9);
  });
});

describe('jitter', () => {
  it('is the same for the same seed and stays within its bound', () => {
    const jittered = (seed: number): number[] => {
      const model = createLatencyModel({
        kind: 'roofline',
        model: LLAMA_3_1_8B,
        gpu: H100,
        jitter: 0.1,
        seed,
      });
      return Array.from({ length: 50 }, () => model.stepMs(step(decode(1))));
    };
    const exact = stepMs(decode(1));
    expect(jittered(1)).toEqual(jittered(1));
    expect(jittered(1)).not.toEqual(jittered(2));
    expect(jittered(3).every((ms) => Math.abs(ms / exact - 1) <= 0.1)).toBe(true);
  });
});

it('takes no time at all, or always the same, but none for an empty step', () => {
  const constant = createLatencyModel({ kind: 'constant', stepMs: 5 });
  expect(createLatencyModel({ kind: 'zero' }).stepMs(step(decode(4)))).toBe(0);
  expect(constant.stepMs(step(decode(4)))).toBe(5);
  expect(constant.stepMs(step([]))).toBe(0);
  expect(constant.dummyStepMs()).toBe(5);
  expect(stepMs([])).toBe(0);
});
