import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  readGenerationConfig,
  systemFingerprint,
} from '../../../../src/frontend/llm/served-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('generation_config.json', () => {
  const read = (config: unknown) => {
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(config));
    return readGenerationConfig(folder);
  };

  it('gives the sampling defaults that vLLM takes, max_new_tokens as max_tokens', () => {
    const config = {
      repetition_penalty: 1.1,
      temperature: 0.6,
      top_k: 20,
      top_p: 0.95,
      min_p: 0.05,
      max_new_tokens: 512,
      do_sample: 1,
      presence_penalty: 1,
    };

    expect(read(config)).toEqual({
      defaultSamplingParams: {
        repetition_penalty: 1.1,
        temperature: 0.6,
        top_k: 20,
        top_p: 0.95,
        min_p: 0.05,
        max_tokens: 512,
      },
      generationEosTokenIds: [],
    });
  });

  it('leaves out what is no number', () => {
    expect(read({ temperature: null, top_p: '0.5', max_new_tokens: null })).toEqual({
      defaultSamplingParams: {},
      generationEosTokenIds: [],
    });
  });

  it('names one end-of-sequence token or several', () => {
    expect(read({ eos_token_id: 2 }).generationEosTokenIds).toEqual([2]);
    expect(read({ eos_token_id: [2, 7, null] }).generationEosTokenIds).toEqual([2, 7]);
    expect(read({ eos_token_id: null }).generationEosTokenIds).toEqual([]);
  });

  it('need not be there', () => {
    const nothing = { defaultSamplingParams: {}, generationEosTokenIds: [] };

    expect(readGenerationConfig(null)).toEqual(nothing);
    expect(readGenerationConfig(join(folder, 'no such folder'))).toEqual(nothing);
  });
});

describe('the system fingerprint', () => {
  const fingerprint = (options: Partial<Parameters<typeof systemFingerprint>[0]> = {}) =>
    systemFingerprint({
      vllmVersion: '0.33.0',
      mode: 'full',
      customValue: null,
      tensorParallelSize: 1,
      pipelineParallelSize: 1,
      dataParallelSize: 1,
      isExpertParallel: false,
      settings: { model: 'a' },
      ...options,
    });
  const parallel = {
    tensorParallelSize: 2,
    pipelineParallelSize: 3,
    dataParallelSize: 4,
    isExpertParallel: true,
  };

  it('is the version and eight digits of the settings’ hash', () => {
    expect(fingerprint()).toMatch(/^vllm-0\.33\.0-[0-9a-f]{8}$/);
  });

  it('names the parallel sizes above 1', () => {
    expect(fingerprint(parallel)).toMatch(/^vllm-0\.33\.0-tp2-pp3-dp4-ep-[0-9a-f]{8}$/);
  });

  it('leaves them out in mode hash', () => {
    expect(fingerprint({ ...parallel, mode: 'hash' })).toMatch(/^vllm-0\.33\.0-[0-9a-f]{8}$/);
  });

  it('changes with the settings and with nothing else', () => {
    expect(fingerprint()).toBe(fingerprint());
    expect(fingerprint({ settings: { model: 'b' } })).not.toBe(fingerprint());
  });

  it('is what the operator says in mode custom', () => {
    expect(fingerprint({ mode: 'custom', customValue: 'mine' })).toBe('mine');
    expect(fingerprint({ mode: 'custom' })).toBeNull();
  });

  it('is left out in mode none', () => {
    expect(fingerprint({ mode: 'none', customValue: 'mine' })).toBeNull();
  });
});
