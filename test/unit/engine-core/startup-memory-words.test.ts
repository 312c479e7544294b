import { describe, expect, it } from 'vitest';
import { setUpEngine } from '../../../src/engine-core/engine-setup.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';

const GIB = 2 ** 30;
const LLAMA = { model: 'meta-llama/Llama-3.1-8B', gpu: 'A100-80GB' } as const;

function linesOf(fields: Partial<EngineArgs>) {
  return setUpEngine({ ...defaultEngineArgs(), ...LLAMA, ...fields }).logLines;
}

const textsOf = (fields: Partial<EngineArgs> = {}) => linesOf(fields).map(({ text }) => text);

describe('what a start says of weights and CUDA graphs', () => {
  it("has vLLM's words and order", () => {
    const beginnings = textsOf().map((text) => text.slice(0, 22));
    expect(beginnings).toEqual([
      'Model loading took 14.',
      'Available KV cache mem',
      'CUDA graph memory prof',
      'GPU KV cache size: 461',
      'Graph capturing finish',
      'CUDA graph pool memory',
      'Free memory on device ',
    ]);
  });

  it('has sums that come out', () => {
    const texts = textsOf({ gpuMemory: 80 * GIB, weightsBytes: 16 * GIB });
    expect(texts[0]).toBe('Model loading took 16.0 GiB memory and 0.000000 seconds');
    expect(texts[2]).toContain(
      'The current --gpu-memory-utilization=0.9200 is equivalent to --gpu-memory-utilization=0.9129 without CUDA graph ' +
        'memory profiling. To maintain the same effective KV cache size as before, increase --gpu-memory-utilization to 0.9271.',
    );
    expect(texts[4]).toBe('Graph capturing finished in 0 secs, took 0.56 GiB');
    expect(texts[5]).toBe(
      'CUDA graph pool memory: 0.56 GiB (actual), 0.56 GiB (estimated), difference: 0.0 GiB (0.0%).',
    );
    expect(texts[6]).toMatch(
      /^Free memory on device \(80\.0\/80\.0 GiB\) on startup\. Desired GPU memory utilization is \(0\.92, 73\.6 GiB\)\. Actual usage is 16\.59 GiB for consumed memory \(weights \+ non-torch\), 0\.87 GiB for peak activation, and 0\.56 GiB for CUDAGraph memory\. Replace gpu_memory_utilization config with `--kv-cache-memory=\d+` \(55\.42 GiB\) to fit into requested memory, or `--kv-cache-memory=\d+` \(61\.82 GiB\) to fully utilize gpu memory\. Current kv cache memory in use is 56\.13 GiB\.$/,
    );
  });

  it('says that graphs are not accounted for', () => {
    const [line] = linesOf({ memoryProfilerEstimateCudagraphs: false }).slice(2);
    expect(line?.level).toBe('warn');
    expect(line?.text).toContain('CUDA graph memory profiling is disabled');
    expect(line?.text).toContain('--gpu-memory-utilization from 0.9200 to 0.9271.');
  });

  it('says nothing of graphs under --enforce-eager', () => {
    const texts = textsOf({ enforceEager: true });
    expect(texts.filter((text) => text.includes('CUDA graph'))).toEqual([]);
    expect(texts.filter((text) => text.startsWith('Graph capturing'))).toEqual([]);
    expect(texts.at(-1)).toContain('and 0.0 GiB for CUDAGraph memory');
  });

  it('says that the capture is skipped where the mode is NONE', () => {
    const skipped = linesOf({ optimizationLevel: 0 }).find(({ level }) => level === 'warn');
    expect(skipped?.text).toContain('Skipping encoder and decoder CUDA graph capture.');
  });

  it('says what is captured, and no more, where the KV cache memory is given', () => {
    expect(
      textsOf({ kvCacheMemoryBytes: 4 * GIB, maxModelLen: 1024 }).map((text) => text.slice(0, 20)),
    ).toEqual([
      'Model loading took 1',
      'Initial free memory ',
      'GPU KV cache size: 3',
      'Graph capturing fini',
    ]);
  });
});
