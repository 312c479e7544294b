import { describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../../../src/frontend/openai/model-registry.ts';
import { errorOf, TEST_MODEL } from '../../../support/openai.ts';

const load = (name: string, fields: object = {}) => ({
  lora_name: name,
  lora_path: `/adapters/${name}`,
  load_inplace: false,
  is_3d_lora_weight: false,
  ...fields,
});

function createRegistry(...names: string[]): ModelRegistry {
  const registry = new ModelRegistry(TEST_MODEL);
  for (const name of names) registry.add(registry.prepareLoad(load(name)));
  return registry;
}

describe('ModelRegistry', () => {
  it('knows the served names and the adapters', () => {
    const registry = createRegistry('l');
    expect(['m', 'alias', 'l', 'x'].map((name) => registry.has(name))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(['m', 'l'].map((name) => registry.isBaseModel(name))).toEqual([true, false]);
    expect(registry.lora('l')?.loraName).toBe('l');
    expect([registry.lora('m'), registry.lora(null)]).toEqual([null, null]);
    expect([registry.shownName(null), registry.shownName(registry.lora('l'))]).toEqual(['m', 'l']);
  });

  it('lists a card a name, adapters under the model they adapt', () => {
    const registry = createRegistry('l');
    registry.add(registry.prepareLoad(load('k'), 'alias'));
    const { object, data } = registry.list(5) as {
      object: string;
      data: readonly Record<string, unknown>[];
    };
    expect(object).toBe('list');
    expect(
      data.map(({ id, root, parent, max_model_len: length }) => [id, root, parent, length]),
    ).toEqual([
      ['m', 'org/model', null, 100],
      ['alias', 'org/model', null, 100],
      ['l', '/adapters/l', 'm', null],
      ['k', '/adapters/k', 'alias', null],
    ]);
    expect(data[0]).toMatchObject({
      object: 'model',
      created: 5,
      owned_by: 'vllm',
      permission: [
        {
          id: expect.stringMatching(/^modelperm-[0-9a-f]{16}$/),
          created: 5,
          allow_sampling: true,
          allow_fine_tuning: false,
        },
      ],
    });
  });

  it('numbers adapters, and keeps the number of one that is loaded again in place', () => {
    const registry = createRegistry('a', 'b');
    const again = registry.prepareLoad(
      load('a', { load_inplace: true, is_3d_lora_weight: true }),
      'unknown',
    );
    expect(again).toEqual({
      loraName: 'a',
      loraIntId: 1,
      loraPath: '/adapters/a',
      baseModelName: null,
      loadInplace: true,
      is3dLoraWeight: true,
    });
    registry.add(again);
    expect(registry.lora('a')).toMatchObject({ loadInplace: false, is3dLoraWeight: true });
    expect([registry.lora('b')?.loraIntId, registry.prepareLoad(load('c')).loraIntId]).toEqual([
      2, 3,
    ]);
  });

  it.each([
    [load(''), "Both 'lora_name' and 'lora_path' must be provided."],
    [load('x', { lora_path: '' }), "Both 'lora_name' and 'lora_path' must be provided."],
    [load('m'), "The lora adapter 'm' conflicts with a served base model."],
    [
      load('l'),
      "The lora adapter 'l' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.",
    ],
  ])('refuses to load %j', (request, message) => {
    expect(errorOf(() => createRegistry('l').prepareLoad(request))).toEqual({
      message,
      type: 'InvalidUserInput',
      param: null,
      code: 400,
    });
  });

  it('forgets what is unloaded', () => {
    const registry = createRegistry('l');
    registry.remove('l');
    expect(registry.has('l')).toBe(false);
    expect(errorOf(() => registry.remove('l'))).toEqual({
      message: "The lora adapter 'l' cannot be found.",
      type: 'NotFoundError',
      param: null,
      code: 404,
    });
    expect(errorOf(() => registry.remove(''))).toEqual({
      message: "'lora_name' needs to be provided to unload a LoRA adapter.",
      type: 'InvalidUserInput',
      param: null,
      code: 400,
    });
  });
});
