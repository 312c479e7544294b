import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../../../src/capacity/file/load-model-plan.ts';
import { createCapacityRecord } from '../../../support/capacity-input.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'model-plan-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, json: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof json === 'string' ? json : JSON.stringify(json));
  return file;
}

describe('explicit layers', () => {
  it('come from an input or from a whole case', () => {
    const input = createCapacityRecord();
    const bare = loadModelPlan({ kvCacheSpecs: write('bare.json', input) });
    const whole = loadModelPlan({ kvCacheSpecs: write('case.json', { id: 'a', input }) });
    expect(bare.input).toEqual(whole.input);
    expect(bare.facts.maxModelLen).toBe(8192);
  });

  it('give way to the flags for length and blocks', () => {
    const kvCacheSpecs = write('flags.json', createCapacityRecord());
    const { config } = loadModelPlan({
      kvCacheSpecs,
      maxModelLen: 512,
      numGpuBlocksOverride: 9,
    }).input;
    expect(config).toMatchObject({ maxModelLen: 512, numGpuBlocksOverride: 9 });
    expect(loadModelPlan({ kvCacheSpecs, maxModelLen: -1 }).input.config).toMatchObject({
      maxModelLen: 8192,
      autoFitMaxModelLen: true,
    });
  });

  it('are refused with file and field, as the file has it', () => {
    const { config: _, ...rest } = createCapacityRecord();
    const bare = write('broken.json', { ...rest, config: {} });
    expect(() => loadModelPlan({ kvCacheSpecs: bare })).toThrow(
      `--kv-cache-specs ${bare}: config.max_model_len is missing, not an integer of at least 1`,
    );
    const whole = write('broken-case.json', { id: 'a', input: { ...rest, config: {} } });
    expect(() => loadModelPlan({ kvCacheSpecs: whole })).toThrow('input.config.max_model_len');
  });

  it.each([
    ['no JSON', '{', 'cannot be read as JSON'],
    ['a list', '[]', 'the file is [], not an object'],
  ])('are refused from a file that is %s', (_, text, problem) => {
    const kvCacheSpecs = write('bad.json', text);
    expect(() => loadModelPlan({ kvCacheSpecs })).toThrow(`${kvCacheSpecs}: ${problem}`);
  });
});

describe('a model folder', () => {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    vocab_size: 100,
    max_position_embeddings: 512,
    eos_token_id: 2,
  };

  it('has its tokens of the end from generation_config.json too', () => {
    write('config.json', config);
    write('generation_config.json', { eos_token_id: [5, 6] });
    expect(loadModelPlan({ model: folder }).facts.eosTokenIds).toEqual([2, 5, 6]);
  });

  it('is refused where generation_config.json names no tokens', () => {
    write('config.json', config);
    const file = write('generation_config.json', { eos_token_id: 'stop' });
    expect(() => loadModelPlan({ model: folder })).toThrow(
      `${file}: eos_token_id is "stop", not a token id or a list of token ids`,
    );
  });

  it('is refused where config.json is no object', () => {
    const file = write('config.json', '"tiny"');
    expect(() => loadModelPlan({ model: folder })).toThrow(
      `${file}: the file is "tiny", not an object`,
    );
  });
});

describe('a model that is nowhere', () => {
  it('is refused with a name that is meant perhaps', () => {
    expect(() => loadModelPlan({ model: 'qwen3-0.6' })).toThrow('(is Qwen/Qwen3-0.6B meant?)');
  });
});

describe('a config.json that Python wrote', () => {
  beforeAll(() => {
    mkdirSync(join(folder, 'python'));
  });

  const llama =
    '"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":256,"intermediate_size":512,' +
    '"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":1000,"max_position_embeddings":2048';

  it('may hold what is no number in JSON', () => {
    const model = write('python/nan.json', `{${llama},"time_step_limit":[0.0,Infinity],"x":NaN}`);
    expect(loadModelPlan({ model }).facts.maxModelLen).toBe(2048);
  });

  it('is refused for it where a size is wanted, in any spelling', () => {
    for (const size of ['Infinity', '{"__float__":"Infinity"}']) {
      const model = write('python/infinite.json', `{${llama},"head_dim":${size}}`);
      expect(() => loadModelPlan({ model })).toThrow(
        /field "head_dim" must be an integer from 0 to \d+ but is Infinity/,
      );
    }
  });

  it('is refused with a byte order mark, in words', () => {
    const model = write('python/bom.json', `\ufeff{${llama}}`);
    expect(() => loadModelPlan({ model })).toThrow('Unexpected UTF-8 BOM');
  });
});
