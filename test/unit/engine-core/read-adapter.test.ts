import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loraModulesOf } from '../../../src/engine-core/executor/lora/tensor-names.ts';
import { readAdapter } from '../../../src/engine-core/read-adapter.ts';
import { ADAPTER_CONFIG, AdapterFolders, goodAdapter } from '../../support/lora-adapter.ts';

const folders = new AdapterFolders();
afterAll(() => folders.remove());

/** What vLLM says of the adapter, the folder's name replaced; null where it loads. */
function refusal(path: string, modules = loraModulesOf('LlamaForCausalLM')): string | null {
  try {
    readAdapter(
      {
        loraName: 'sql',
        loraIntId: 1,
        loraPath: path,
        baseModelName: null,
        loadInplace: false,
        is3dLoraWeight: false,
      },
      { maxLoraRank: 16, modules },
    );
    return null;
  } catch (error) {
    return (error as Error).message.replaceAll(path, 'DIR');
  }
}

const withConfig = (text: string | Uint8Array) =>
  refusal(folders.create({ ...goodAdapter(), 'adapter_config.json': text }));
const withTensors = (names: readonly string[], fields: object = {}) =>
  refusal(folders.create(goodAdapter(fields, names)));
const withHeader = (bytes: Uint8Array) =>
  refusal(folders.create({ ...goodAdapter(), 'adapter_model.safetensors': bytes }));

function header(length: number, text: string): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([prefix, Buffer.from(text)]);
}

describe('an adapter', () => {
  it('loads with its configuration and tensors of the model', () => {
    expect(refusal(folders.create())).toBeNull();
  });

  it('loads from a pickle, whose contents nobody reads', () => {
    const { 'adapter_config.json': config = '' } = goodAdapter();
    for (const name of ['adapter_model.bin', 'adapter_model.pt']) {
      expect(refusal(folders.create({ 'adapter_config.json': config, [name]: '' }))).toBeNull();
    }
    expect(refusal(folders.create({ 'adapter_config.json': config }))).toBe(
      "DIR doesn't contain tensors",
    );
  });

  it('that is not there is not found, whatever kind of path it is', () => {
    const missing = (path: string) => `Loading lora sql failed: No adapter found for ${path}`;
    expect(refusal('/no/such/adapter')).toBe('Loading lora sql failed: No adapter found for DIR');
    for (const path of ['org/adapter', '~/no-such-adapter']) {
      expect(refusal(path)).toBe(missing('DIR'));
    }
    expect(refusal(folders.create({}))).toBe(missing('DIR'));
  });

  it('at a path that no folder can have is refused as the operating system does', () => {
    const file = join(folders.create(), 'adapter_config.json');
    expect(refusal(file)).toBe("[Errno 20] Not a directory: 'DIR/adapter_config.json'");
    expect(refusal('a\0b')).toBe('embedded null byte');
  });
});

// Each refusal was read from vLLM's own PEFTHelper and LoRAModel.
describe('a configuration', () => {
  it.each([
    [{ r: 0 }, 'LoRA rank `r` must be a positive integer, got 0.'],
    [{ r: -3 }, 'LoRA rank `r` must be a positive integer, got -3.'],
    [{ r: 64 }, 'LoRA rank 64 is greater than max_lora_rank 16.'],
    [{ r: 64.5 }, 'LoRA rank 64.5 is greater than max_lora_rank 16.'],
    [{ r: '8' }, "'<=' not supported between instances of 'str' and 'int'"],
    [{ r: null }, "'<=' not supported between instances of 'NoneType' and 'int'"],
    [{ r: [8] }, "'<=' not supported between instances of 'list' and 'int'"],
    [{ lora_alpha: 'x' }, "unsupported operand type(s) for /: 'str' and 'int'"],
    [
      { lora_alpha: null, use_rslora: true },
      "unsupported operand type(s) for /: 'NoneType' and 'float'",
    ],
    [{ bias: 'all' }, 'Adapter bias is not supported.'],
    [{ bias: null }, 'Adapter bias is not supported.'],
    [{ use_dora: true }, 'vLLM does not yet support DoRA.'],
    [{ lora_bias: true }, 'vLLM does not support LoRA bias (lora_bias).'],
    [{ alora_invocation_tokens: [1] }, 'vLLM does not support Activated LoRA (aLoRA).'],
    [{ layer_replication: [[0, 1]] }, 'vLLM does not support layer_replication.'],
    [{ use_bdlora: { a: 1 } }, 'vLLM does not support block-diagonal LoRA (BD-LoRA).'],
    [{ use_qalora: true }, 'vLLM does not support QALoRA.'],
    [{ rank_pattern: { q_proj: 32 } }, 'LoRA rank 32 is greater than max_lora_rank 16.'],
    [
      { rank_pattern: { q_proj: 8.5 } },
      'LoRA rank for `q_proj` in `rank_pattern` must be a positive integer, got 8.5.',
    ],
    [{ rank_pattern: ['a'] }, "'list' object has no attribute 'items'"],
    [{ modules_to_save: 5 }, "'int' object is not iterable"],
    [
      { modules_to_save: ['score', 'lm_head'] },
      'vLLM only supports modules_to_save being either None or ["classifier", "score"] for classification models. ' +
        "Unsupported modules_to_save: ['lm_head']",
    ],
    [
      { modules_to_save: 'ab' },
      'vLLM only supports modules_to_save being either None or ["classifier", "score"] for classification models. ' +
        "Unsupported modules_to_save: ['a', 'b']",
    ],
  ])('with %j is refused', (fields, message) => {
    expect(refusal(folders.configured(fields))).toBe(message);
  });

  it.each(['pissa', 'pissa_niter_4', 'Olora', 'corda', 'loftq'])(
    'that starts from %s changed the base model, and is refused',
    (init) => {
      expect(refusal(folders.configured({ init_lora_weights: init }))).toMatch(
        new RegExp(`^vLLM does not support init_lora_weights='${init}'\\. Inits such as PiSSA`),
      );
    },
  );

  it.each([
    { r: true },
    { r: 8.5 },
    { init_lora_weights: 'Gaussian' },
    { init_lora_weights: false },
    { modules_to_save: [] },
    { modules_to_save: ['score'] },
    { peft_type: 'PROMPT_TUNING' },
    { rank_pattern: { q_proj: 4 }, alpha_pattern: { q_proj: 2 } },
    { use_rslora: true, target_modules: null },
  ])('with %j is taken', (fields) => {
    expect(refusal(folders.configured(fields))).toBeNull();
  });

  it('with several faults is told all of them', () => {
    expect(refusal(folders.configured({ use_dora: true, r: 64, bias: 'all' }))).toBe(
      'vLLM does not yet support DoRA. LoRA rank 64 is greater than max_lora_rank 16. Adapter bias is not supported.',
    );
  });

  it('without a required field is told which', () => {
    expect(withConfig(JSON.stringify({ r: 8, lora_alpha: 1 }))).toBe(
      "Missing required configuration fields: {'target_modules'}",
    );
  });

  it.each([
    ['', 'Expecting value: line 1 column 1 (char 0)'],
    ['{', 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'],
    ['{\n"r":8,}', 'Expecting property name enclosed in double quotes: line 2 column 7 (char 8)'],
    ['{} x', 'Extra data: line 1 column 4 (char 3)'],
    ['\ufeff{}', 'Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)'],
    ['[]', 'list indices must be integers or slices, not str'],
    ['"x"', "'str' object does not support item assignment"],
    ['null', "'NoneType' object does not support item assignment"],
    ['1.5', "'float' object does not support item assignment"],
  ])('that reads %j is refused in Python words', (text, message) => {
    expect(withConfig(text)).toBe(message);
  });

  it('in no UTF-8 and larger than any is refused', () => {
    expect(withConfig(Uint8Array.of(0xff, 0xfe))).toContain("'utf-8' codec can't decode");
    const path = folders.create();
    writeFileSync(join(path, 'adapter_config.json'), Buffer.alloc(16 * 1024 * 1024 + 1));
    expect(refusal(path)).toContain('has at most 16777216');
  });
});

describe('tensors', () => {
  it('of a module that the model does not have are refused by name', () => {
    expect(withTensors(['base_model.model.model.layers.0.self_attn.foo.lora_A.weight'])).toBe(
      "While loading DIR, expected target modules in {'q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', " +
        "'down_proj', 'embed_tokens', 'lm_head'} but received ['model.layers.0.self_attn.foo']. Please verify that " +
        'the loaded LoRA module is correct',
    );
  });

  it('of a model whose modules are not listed are all taken', () => {
    const path = folders.create(goodAdapter({}, ['a.foo.lora_A.weight']));
    expect(refusal(path, loraModulesOf('NewForCausalLM'))).toBeNull();
  });

  it('that are no LoRA weights are refused, for every model', () => {
    const path = folders.create(goodAdapter({}, ['base_model.model.q_proj.weight']));
    expect(refusal(path, null)).toBe('q_proj.weight is unsupported LoRA weight');
    expect(withTensors(['base_model.model.score.modules_to_save.weight'])).toBe(
      'score.modules_to_save.weight is unsupported LoRA weight',
    );
  });

  it('of embeddings, base layers and a kept classifier are taken', () => {
    const names = [
      'base_model.model.model.embed_tokens.lora_embedding_A',
      'base_model.model.model.embed_tokens.base_layer.weight',
    ];
    expect(withTensors(names)).toBeNull();
    const score = ['base_model.model.score.weight'];
    expect(withTensors(score, { modules_to_save: ['score'] })).toBeNull();
    expect(withTensors(score)).toContain("but received ['score']");
  });

  it.each([
    [Buffer.alloc(0), 'header too small'],
    [Buffer.alloc(4), 'header too small'],
    [header(100, '{}'), 'invalid header length'],
    [header(2 ** 40, '{}'), 'header too large'],
    [header(2, '{}zz'), 'incomplete metadata, file not fully covered'],
  ])('in a damaged file are refused (%#)', (bytes, words) => {
    expect(withHeader(bytes)).toBe(`Error while deserializing header: ${words}`);
  });

  it.each([header(3, '{xx'), header(2, '[]'), header(8, '{"a": 1}')])(
    'behind a header of other JSON are refused (%#)',
    (bytes) => {
      expect(withHeader(bytes)).toContain(
        'Error while deserializing header: invalid JSON in header',
      );
    },
  );

  it('of an empty file with a header are none, which loads', () => {
    expect(withHeader(header(2, '{}'))).toBeNull();
    expect(ADAPTER_CONFIG.r).toBeLessThan(16);
  });
});
