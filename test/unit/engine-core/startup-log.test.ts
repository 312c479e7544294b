import { describe, expect, it } from 'vitest';
import { setUpEngine } from '../../../src/engine-core/engine-setup.ts';
import type { StartupLine } from '../../../src/engine-core/startup-line.ts';
import { startupLines } from '../../../src/engine-core/startup-log.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';
import { TINYMODEL } from '../../support/twin.ts';

const GIB = 2 ** 30;

function linesOf(fields: Partial<EngineArgs>): readonly StartupLine[] {
  return setUpEngine({ ...defaultEngineArgs(), model: TINYMODEL, ...fields }).logLines;
}

const textsOf = (fields: Partial<EngineArgs>): readonly string[] =>
  linesOf(fields).map(({ text }) => text);

/** Lines about weights and graphs, which have tests of their own. */
const ABOUT_GRAPHS = /^(Model loading|CUDA graph|Graph capturing|Free memory)/;

function withoutGraphs<Line extends string | StartupLine>(lines: readonly Line[]): Line[] {
  return lines.filter((line) => !ABOUT_GRAPHS.test(typeof line === 'string' ? line : line.text));
}

describe('the log of a start', () => {
  it("says in vLLM's words what is free, on every GPU, and what it holds", () => {
    const texts = withoutGraphs(
      textsOf({ tensorParallelSize: 2, maxModelLen: 1024, gpuMemory: 4 * GIB }),
    );
    expect(texts).toEqual([
      expect.stringMatching(/^Available KV cache memory: \d+\.\d+ GiB$/),
      expect.stringMatching(/^Available KV cache memory: \d+\.\d+ GiB$/),
      expect.stringMatching(
        /^GPU KV cache size: [\d,]+ tokens, Maximum concurrency for 1,024 tokens per request: [\d.]+x$/,
      ),
    ]);
  });

  it('says which number of blocks is overridden', () => {
    const [, override, size] = withoutGraphs(
      textsOf({ maxModelLen: 1024, numGpuBlocksOverride: 1025 }),
    );
    expect(override).toMatch(/^Overriding num_gpu_blocks=\d+ with num_gpu_blocks_override=1025$/);
    expect(size).toBe(
      'GPU KV cache size: 16,400 tokens, Maximum concurrency for 1,024 tokens per request: 16.02x',
    );
  });

  it('says that nothing is profiled where the memory is given', () => {
    const [first] = withoutGraphs(textsOf({ kvCacheMemoryBytes: GIB, gpuMemory: 40 * GIB }));
    expect(first).toContain(
      'Initial free memory 40.0 GiB, reserved 1.0 GiB memory for KV Cache as specified by kv_cache_memory_bytes config and ' +
        'skipped memory profiling.',
    );
  });

  it('says what auto-fit came to', () => {
    const fitting = withoutGraphs(textsOf({ maxModelLen: -1, kvCacheMemoryBytes: GIB }));
    expect(fitting[1]).toMatch(
      /^Auto-fit max_model_len: full model context length \d+ fits in available KV cache memory \(1\.0 GiB GPU\)$/,
    );
    const { plan, logLines } = setUpEngine({
      ...defaultEngineArgs(),
      model: TINYMODEL,
      maxModelLen: -1,
      numGpuBlocksOverride: 5,
    });
    expect(plan.maxModelLen).toBe(64);
    expect(withoutGraphs(logLines)[2]?.text).toMatch(
      /^Auto-fit max_model_len: reduced from \d+ to 64 to fit in available KV cache memory \(0\.0 GiB GPU\)$/,
    );
  });

  it('warns where the planner does', () => {
    const { args, model, plan } = setUpEngine({ ...defaultEngineArgs(), model: TINYMODEL });
    const lines = startupLines(args, model, { ...plan, warnings: ['Add 3 padding layers'] });
    expect(withoutGraphs(lines)[1]).toEqual({ level: 'warn', text: 'Add 3 padding layers' });
  });

  it('says what non-causal layers and a missing KV cache turn off', () => {
    const { args, model, plan } = setUpEngine({ ...defaultEngineArgs(), model: TINYMODEL });
    const nonCausal = { ...plan, enableChunkedPrefill: false, enablePrefixCaching: false };
    expect(startupLines(args, model, nonCausal).slice(0, 2)).toEqual([
      {
        level: 'info',
        text: 'Disabling chunked prefill: model has non-causal attention layers.',
      },
      {
        level: 'info',
        text: 'Disabling prefix caching: model has non-causal attention layers.',
      },
    ]);
    const noCache = { ...plan, capacity: null, groups: [] };
    expect(withoutGraphs(startupLines(args, model, noCache)).at(-1)).toEqual({
      level: 'warn',
      text: 'Disabling chunked prefill for model without KVCache',
    });
  });
});
