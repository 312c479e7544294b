import { describe, expect, it } from 'vitest';
import { readServeArgs } from '../../../src/cli/flags/serve-args.ts';
import { argsOfRank } from '../../../src/shared/config/engine-overrides.ts';
import {
  argsOf as argsInProcess,
  durationOf,
  type ProcessOptions as TwinOptions,
  timeoutOf,
  wordsOf,
} from '../../../src/testing/twin-options.ts';

const argsOf = async (options: TwinOptions) => (await readServeArgs(wordsOf(options), {})).args;

describe('the options of a twin', () => {
  it('are the same arguments in this process', async () => {
    const options = {
      model: 'Qwen/Qwen3-0.6B',
      servedModelName: ['a', 'b'],
      maxModelLen: '32k',
      enablePrefixCaching: false,
      dataParallelSize: 2,
      engineOverrides: { 1: { gpu: 'L4', numGpuBlocksOverride: 2049 } },
      speculativeConfig: { method: 'ngram', num_speculative_tokens: 2 },
    } as const;
    const args = argsInProcess({ ...options, mode: 'in-process' });
    expect(args).toEqual({ ...(await argsOf(options)), port: args.port });
    expect(() =>
      argsInProcess({ ...options, mode: 'in-process', engineOverrides: { 2: {} } }),
    ).toThrow('rank 2 is out of range');
    const foreign = { mode: 'in-process', env: {} } as const;
    expect(() => argsInProcess(foreign)).toThrow("startTwin: env is for mode 'processes'");
  });

  it('are what serve reads of the words that they become', async () => {
    const args = await argsOf({
      model: 'Qwen/Qwen3-0.6B',
      servedModelName: ['a', 'b'],
      maxModelLen: '32k',
      gpuMemoryUtilization: 0.5,
      gpuMemory: '80GB',
      enablePrefixCaching: false,
      enableFaults: true,
      dpMetrics: 'vllm',
      stepTime: 'zero',
      speculativeConfig: { method: 'ngram', num_speculative_tokens: 2 },
      hfOverrides: undefined,
      flags: ['--disable-log-stats'],
    });
    expect(args).toMatchObject({
      model: 'Qwen/Qwen3-0.6B',
      servedModelName: ['a', 'b'],
      maxModelLen: 32_000,
      gpuMemoryUtilization: 0.5,
      gpuMemory: 80e9,
      enablePrefixCaching: false,
      enableFaults: true,
      dpMetrics: 'vllm',
      stepTime: 'zero',
      speculativeConfig: { method: 'ngram', num_speculative_tokens: 2 },
      disableLogStats: true,
      port: 0,
    });
  });

  it('have the types of the settings, and texts for numbers', () => {
    const fine: TwinOptions = { stepTime: 'zero', dpMetrics: 'vllm', maxModelLen: '32k' };
    expect(wordsOf(fine)).toContain('--max-model-len=32k');
    // @ts-expect-error: no choice of the setting
    expect(wordsOf({ dpMetrics: 'none' })).toContain('--dp-metrics=none');
    // @ts-expect-error: a switch is no text
    expect(wordsOf({ enableFaults: 'yes' })).toContain('--enable-faults=yes');
  });

  it('of single engines have the same names', async () => {
    const args = await argsOf({
      dataParallelSize: 2,
      engineOverrides: { 1: { gpu: 'L4', numGpuBlocksOverride: 2049, enablePrefixCaching: false } },
    });
    expect(argsOfRank(args, 1)).toMatchObject({
      gpu: 'L4',
      numGpuBlocksOverride: 2049,
      enablePrefixCaching: false,
    });
    expect(argsOfRank(args, 0).gpu).toBe('H100');
  });

  it('that nobody knows are refused with the one that was meant', () => {
    // @ts-expect-error: the compiler says so too
    const misspelt: TwinOptions = { dataParalelSize: 2 };
    expect(() => wordsOf(misspelt)).toThrow(
      'startTwin: unknown option dataParalelSize (did you mean dataParallelSize?)',
    );
  });

  it('that a twin in a test cannot have say why', () => {
    // @ts-expect-error: the compiler says so too
    expect(() => wordsOf({ headless: true })).toThrow(
      'startTwin: headless cannot be set: there is always a server',
    );
    expect(() => wordsOf({ apiServerCount: 0 })).toThrow('apiServerCount 0: there is always');
  });

  it('have durations in the form of all durations', () => {
    expect(timeoutOf({ startTimeout: '2m' }, 'startTimeout', 1)).toBe(120_000);
    expect(timeoutOf({}, 'stopTimeout', 15)).toBe(15);
    expect(() => timeoutOf({ stopTimeout: 'soon' }, 'stopTimeout', 15)).toThrow(
      "startTwin: stopTimeout 'soon': expected a duration",
    );
    for (const endless of [1e308, '367d'])
      expect(() => durationOf(endless, 'advance')).toThrow(/^advance '.*at most 8784 h$/);
  });
});
