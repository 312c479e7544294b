import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../../src/frontend/llm/errors.ts';
import { LoraAdapters } from '../../../../src/frontend/openai/lora-adapters.ts';
import { ModelRegistry } from '../../../../src/frontend/openai/model-registry.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';
import type { LoRARequest } from '../../../../src/shared/protocol/request.ts';
import { TEST_MODEL } from '../../../support/openai.ts';

const load = (name: string, fields: object = {}) => ({
  lora_name: name,
  lora_path: `/adapters/${name}`,
  load_inplace: false,
  is_3d_lora_weight: false,
  ...fields,
});

/** Engines that remember what they loaded, or refuse it with `failure`. */
function createAdapters() {
  const models = new ModelRegistry(TEST_MODEL);
  const added: LoRARequest[] = [];
  const engines = { failure: null as Error | null };
  const llm = {
    addLora: async (lora: LoRARequest) => {
      added.push(lora);
      if (engines.failure !== null) throw engines.failure;
      return true;
    },
  };
  return {
    adapters: new LoraAdapters({ llm, models, logger: silentLogger() }),
    models,
    added,
    engines,
  };
}

async function errorOf(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof ApiError ? error.info : error;
}

describe('LoraAdapters', () => {
  it('loads an adapter into the engines before its name is known', async () => {
    const { adapters, models, added } = createAdapters();
    const loading = adapters.load(load('sql'));
    expect(models.has('sql')).toBe(false);
    expect(await loading).toBe("Success: LoRA adapter 'sql' added successfully.");
    expect(added).toEqual([
      {
        loraName: 'sql',
        loraIntId: 1,
        loraPath: '/adapters/sql',
        baseModelName: null,
        loadInplace: false,
        is3dLoraWeight: false,
      },
    ]);
    expect(models.lora('sql')?.loraIntId).toBe(1);
  });

  it('keeps the id of what it loads in place, and does not ask for that again', async () => {
    const { adapters, models, added } = createAdapters();
    await adapters.load(load('sql'));
    await adapters.load(load('sql', { load_inplace: true }));
    expect(added.map(({ loraIntId, loadInplace }) => [loraIntId, loadInplace])).toEqual([
      [1, false],
      [1, true],
    ]);
    expect(models.lora('sql')?.loadInplace).toBe(false);
  });

  it('loads one adapter of a name at a time', async () => {
    const { adapters, added } = createAdapters();
    const [first, second] = await Promise.all([
      adapters.load(load('sql')),
      errorOf(adapters.load(load('sql'))),
    ]);
    expect(first).toContain('added successfully');
    expect(second).toMatchObject({ code: 400, type: 'InvalidUserInput' });
    expect(added).toHaveLength(1);
  });

  it('answers 404 where no adapter is, and 500 with the engine reason for any other', async () => {
    const { adapters, models, engines } = createAdapters();
    engines.failure = new Error(
      'Call to add_lora method failed: Loading lora gone failed: No adapter found for gone',
    );
    expect(await errorOf(adapters.load(load('gone', { lora_path: 'gone' })))).toEqual({
      message: 'Loading lora gone failed: No adapter found for gone',
      type: 'NotFoundError',
      param: null,
      code: 404,
    });
    engines.failure = new Error('Call to add_lora method failed: vLLM does not yet support DoRA.');
    expect(await errorOf(adapters.load(load('dora')))).toEqual({
      message: 'Call to add_lora method failed: vLLM does not yet support DoRA.',
      type: 'InternalServerError',
      param: null,
      code: 500,
    });
    expect(['gone', 'dora'].map((name) => models.has(name))).toEqual([false, false]);
  });

  it('unloads by name, whatever id is given', async () => {
    const { adapters, models } = createAdapters();
    await adapters.load(load('sql'));
    const request = { lora_name: 'sql', lora_int_id: 77 };
    expect(await adapters.unload(request)).toBe(
      "Success: LoRA adapter 'sql' removed successfully.",
    );
    expect(models.has('sql')).toBe(false);
    expect(await errorOf(adapters.unload({ lora_name: 'sql' }))).toMatchObject({
      message: "The lora adapter 'sql' cannot be found.",
      code: 404,
    });
    expect(await errorOf(adapters.unload({ lora_name: '' }))).toMatchObject({ code: 400 });
  });

  it('loads the static ones in order, under the model that they name where it is served', async () => {
    const { adapters, models } = createAdapters();
    const module = { is3dLoraWeight: false };
    await adapters.loadStatic([
      { ...module, name: 'a', path: '/a', baseModelName: 'alias' },
      { ...module, name: 'b', path: '/b', baseModelName: 'other' },
    ]);
    expect(['a', 'b'].map((name) => models.lora(name))).toMatchObject([
      { loraIntId: 1, baseModelName: 'alias' },
      { loraIntId: 2, baseModelName: null },
    ]);
  });

  it('ends the start with the reason of a static one that cannot be loaded', async () => {
    const { adapters } = createAdapters();
    const module = { name: 'm', path: '/a', baseModelName: null, is3dLoraWeight: false };
    await expect(adapters.loadStatic([module])).rejects.toMatchObject({
      code: 'E_LORA_ADAPTER',
      message: "--lora-modules: The lora adapter 'm' conflicts with a served base model.",
    });
  });
});
