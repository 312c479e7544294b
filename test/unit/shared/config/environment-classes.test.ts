import { describe, expect, it } from 'vitest';
import { readServeArgs } from '../../../../src/cli/flags/serve-args.ts';
import { inspectEnvironment } from '../../../../src/shared/config/environment-classes.ts';

describe("vLLM's variables in the environment", () => {
  it('are named where nobody knows them, and where they would change something', () => {
    const env = {
      VLLM_PROT: '1',
      VLLM_TWIN_PORT: '1',
      VLLM_DP_SIZE: '2',
      PATH: '',
      VLLM_API_KEY: 'x',
    };
    expect(inspectEnvironment(env)).toEqual({
      unknown: ['VLLM_PROT'],
      unsimulated: ['VLLM_DP_SIZE (ranks come from the --data-parallel-* flags alone)'],
    });
  });

  it('end the start where --fail-on-environ-validation wants it', async () => {
    const env = { VLLM_PROT: '1', VLLM_DP_SIZE: '2' };
    expect((await readServeArgs([], env)).warnings).toEqual([
      'Settings with which vLLM would do what is not simulated here: ' +
        'VLLM_DP_SIZE (ranks come from the --data-parallel-* flags alone)',
      'Unknown vLLM environment variable detected: VLLM_PROT',
    ]);
    await expect(readServeArgs(['--fail-on-environ-validation'], env)).rejects.toThrow(
      'Unknown vLLM environment variable detected: VLLM_PROT',
    );
  });
});
