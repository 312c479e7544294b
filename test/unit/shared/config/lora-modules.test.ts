import { describe, expect, it } from 'vitest';
import { checkLoraConfig, maxCpuLorasOf } from '../../../../src/shared/config/lora-config.ts';
import { parseLoraModules } from '../../../../src/shared/config/lora-modules.ts';
import { defaultEngineArgs } from '../../../../src/shared/config/registry.ts';

describe('--lora-modules', () => {
  it('takes name=path, and JSON with everything', () => {
    const json = { name: 'b', path: '/b', base_model_name: 'm', is_3d_lora_weight: true };
    expect(
      parseLoraModules(['a=/x=y', '', JSON.stringify(json), '{"name": "c", "path": "/c"}']),
    ).toEqual([
      { name: 'a', path: '/x=y', baseModelName: null, is3dLoraWeight: false },
      { name: 'b', path: '/b', baseModelName: 'm', is3dLoraWeight: true },
      { name: 'c', path: '/c', baseModelName: null, is3dLoraWeight: false },
    ]);
  });

  it.each([
    ['plain', 'Invalid JSON format for --lora-modules: plain'],
    ['a=/x,b=/y', 'Invalid JSON format for --lora-modules: a=/x,b=/y'],
    ['[1]', 'Invalid fields for --lora-modules: [1] - LoRAModulePath() argument after **'],
    ['{}', "missing 2 required positional arguments: 'name' and 'path'"],
    ['{"name": "a"}', "missing 1 required positional argument: 'path'"],
    ['{"name": "a", "path": "b", "x": 1}', "unexpected keyword argument 'x'"],
    ['{"name": 1, "path": "b"}', 'name must be a string'],
    ['{"name": "a", "path": null}', 'path must be a string'],
    ['{"name": "a", "path": "b", "base_model_name": 1}', 'base_model_name must be'],
    ['{"name": "a", "path": "b", "is_3d_lora_weight": 1}', 'is_3d_lora_weight must be'],
  ])('%s is refused as a flag', (word, words) => {
    expect(() => parseLoraModules([word])).toThrow(
      expect.objectContaining({ code: 'E_BAD_FLAG', message: expect.stringContaining(words) }),
    );
  });
});

describe('the LoRA flags together', () => {
  const args = { ...defaultEngineArgs(), model: 'm', enableLora: true, maxLoras: 2 };

  it('keep as many adapters in CPU memory as on the GPU unless told otherwise', () => {
    expect([null, 0, -1, 5].map((maxCpuLoras) => maxCpuLorasOf({ ...args, maxCpuLoras }))).toEqual([
      2, 2, 2, 5,
    ]);
  });

  it('are refused where fewer fit in CPU memory, but only with --enable-lora', () => {
    const few = { ...args, maxCpuLoras: 1 };
    expect(() => checkLoraConfig(few, 'LlamaForCausalLM')).toThrow(
      'max_cpu_loras (1) must be >= max_loras (2).',
    );
    expect(() => checkLoraConfig({ ...few, enableLora: false }, 'LlamaForCausalLM')).not.toThrow();
  });

  it('are refused for a model without LoRA', () => {
    expect(() => checkLoraConfig(args, 'MambaForCausalLM')).toThrow(
      'LoRA is not supported for MambaForCausalLM (m).',
    );
    expect(() => checkLoraConfig({ ...args, enableLora: null }, 'MambaForCausalLM')).not.toThrow();
  });

  it('include the modules, whose words are checked before anything starts', () => {
    const bad = { ...args, loraModules: ['x'] };
    expect(() => checkLoraConfig(bad, 'LlamaForCausalLM')).toThrow('Invalid JSON format');
  });
});
