import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../../../src/capacity/file/load-model-plan.ts';
import {
  FIRST_CAPTURE_BYTES,
  GRAPH_BYTES_PER_LAYER,
  RESIDENT_BYTES,
  UNIFIED_MEMORY_BYTES,
} from '../../../../src/capacity/models/measured-memory.ts';
import type { ModelOptions } from '../../../../src/capacity/models/model-options.ts';

const LLAMA = { model: 'meta-llama/Llama-3.1-8B', gpu: 'A100-80GB' } as const;
const VOCABULARY = 128_256;
/** Sampler state of 256 requests: an int32 and a bit for each token of the vocabulary. */
const COUNTERS = 256 * (4 * VOCABULARY + VOCABULARY / 8);

function budgetsOf(options: ModelOptions) {
  return loadModelPlan(options).memory;
}

function budgetOf(options: ModelOptions) {
  const [first] = budgetsOf(options);
  if (first === undefined) throw new Error('no worker');
  return first;
}

describe('the memory budget of a worker', () => {
  it("is taken in the order of vLLM's worker", () => {
    const budget = budgetOf(LLAMA);
    const graphs = FIRST_CAPTURE_BYTES + (51 + 35) * 32 * GRAPH_BYTES_PER_LAYER;
    expect(budget).toMatchObject({
      requestedBytes: Math.ceil(budget.totalBytes * 0.92),
      nonTorchBytes: RESIDENT_BYTES + COUNTERS,
      // The sampler: logits, and two float32 copies.
      peakActivationBytes: 256 * VOCABULARY * 10,
      cudaGraphBytes: graphs,
    });
    expect(budget.availableBytes).toBe(
      budget.requestedBytes -
        budget.weightsBytes -
        budget.nonTorchBytes -
        budget.peakActivationBytes -
        graphs,
    );
  });

  it('has the forward pass as its peak where that is larger', () => {
    const { peakActivationBytes, formulas } = budgetOf({ ...LLAMA, maxNumBatchedTokens: 16_384 });
    expect(peakActivationBytes).toBe(16_384 * 2 * (2 * 4096 + 3 * 14_336));
    expect(formulas.activation).toContain('3 × intermediate_size / TP');
    const half = budgetOf({ ...LLAMA, maxNumBatchedTokens: 16_384, tensorParallelSize: 2 });
    expect(half.peakActivationBytes).toBe(16_384 * 2 * (2 * 4096 + (3 * 14_336) / 2));
  });

  it('counts the workspaces of experts and the context of MLA', () => {
    const experts = budgetOf({
      model: 'Qwen/Qwen3-235B-A22B',
      tensorParallelSize: 8,
      maxNumBatchedTokens: 16_384,
    });
    expect(experts.formulas.activation).toContain('each active expert');
    const mla = budgetOf({ model: 'deepseek-ai/DeepSeek-V3', tensorParallelSize: 8, gpu: 'H200' });
    expect(mla.formulas.activation).toContain('64 Ki cached tokens');
    expect(mla.peakActivationBytes).toBeGreaterThan(2 * 65_536 * (128 / 8) * 256);
  });

  it('has sampler and logits on the last stage alone, and graphs by its layers', () => {
    const [first, last] = budgetsOf({ ...LLAMA, pipelineParallelSize: 2 });
    expect(first?.nonTorchBytes).toBe(RESIDENT_BYTES);
    expect(last?.nonTorchBytes).toBe(RESIDENT_BYTES + COUNTERS);
    expect(first?.peakActivationBytes).toBe(2048 * 2 * (2 * 4096 + 3 * 14_336));
    expect(last?.formulas.cudaGraphs).toContain('16 layers');
  });

  it('has no graphs where none are captured or taken from the KV cache', () => {
    for (const options of [
      { enforceEager: true },
      { estimateCudagraphs: false },
      { cudaGraphBytes: 0 },
      // vLLM prints the peak with the graphs in it.
      { peakActivationBytes: 1 },
    ])
      expect(budgetOf({ ...LLAMA, ...options }).cudaGraphBytes).toBe(0);
  });

  it('takes at least 1 MiB for each full graph', () => {
    const tiny = budgetOf({ ...LLAMA, hfOverrides: { num_hidden_layers: 1 } });
    expect(tiny.cudaGraphBytes).toBe(
      FIRST_CAPTURE_BYTES + 51 * GRAPH_BYTES_PER_LAYER + 35 * 2 ** 20,
    );
  });

  it('takes what the process holds on the CPU where the memory is one', () => {
    const { nonTorchBytes } = budgetOf({ ...LLAMA, gpu: 'GB10' });
    expect(nonTorchBytes).toBe(RESIDENT_BYTES + COUNTERS + UNIFIED_MEMORY_BYTES);
  });

  it('asks for the bytes that it is told to ask for', () => {
    expect(budgetOf({ ...LLAMA, requestedMemoryBytes: 7 }).requestedBytes).toBe(7);
  });
});
