import { describe, expect, it } from 'vitest';
import {
  argsOfRank,
  checkEngineOverrides,
} from '../../../../src/shared/config/engine-overrides.ts';
import { defaultEngineArgs } from '../../../../src/shared/config/registry.ts';

const withOverrides = (engineOverrides: Readonly<Record<string, unknown>>) => ({
  ...defaultEngineArgs(),
  seed: 7,
  engineOverrides,
});

describe('engine overrides', () => {
  it('change the ranks that they name and no other', () => {
    const args = withOverrides({ '1': { gpu: 'A100-40GB', num_gpu_blocks_override: 2049 } });
    expect(argsOfRank(args, 0)).toBe(args);
    expect(argsOfRank(args, 1)).toEqual({ ...args, gpu: 'A100-40GB', numGpuBlocksOverride: 2049 });
  });

  it('give a setting back its None', () => {
    const args = {
      ...withOverrides({ '0': { num_gpu_blocks_override: 'None' } }),
      numGpuBlocksOverride: 9,
    };
    expect(argsOfRank(args, 0).numGpuBlocksOverride).toBeNull();
  });

  it.each([
    [{ '1': { gpuu: 'L4' } }, '--engine-overrides[1]: unknown setting gpuu (did you mean --gpu?)'],
    [{ '1': { block_size: 0 } }, "--engine-overrides[1]: block_size '0': must be at least 1"],
    [{ '1': 'L4' }, '--engine-overrides[1]: must be an object of flags, e.g. {"1": {"gpu": "L4"}}'],
    [{ '2': {} }, 'rank 2 is out of range [0, 2)'],
    [{ first: {} }, 'rank first is out of range [0, 2)'],
    [
      { '0': { port: 1 } },
      '--engine-overrides[0]: port: is the same for all engines; give it as --port',
    ],
    [{ '0': { data_parallel_size: 3 } }, 'data_parallel_size: is the same for all engines'],
    [{ '0': { engine_overrides: {} } }, 'engine_overrides: is the same for all engines'],
  ])('are refused before anything starts: %j', (overrides, message) => {
    expect(() => checkEngineOverrides(withOverrides(overrides), 2)).toThrow(message);
  });

  it('pass where there are none', () => {
    expect(() => checkEngineOverrides(defaultEngineArgs(), 1)).not.toThrow();
  });
});
