import { describe, expect, it } from 'vitest';
import {
  checkModel,
  createdSeconds,
  shownModel,
} from '../../../../src/frontend/openai/serving-context.ts';
import { createServing, errorOf } from '../../../support/openai.ts';

const LORA = {
  loraName: 'l',
  loraIntId: 1,
  loraPath: 'p',
  baseModelName: null,
  loadInplace: false,
  is3dLoraWeight: false,
};

describe('models that requests name', () => {
  const { context } = createServing();

  it.each(['m', 'alias', null, ''])('may be %j', (model) => {
    expect(() => checkModel(context, model)).not.toThrow();
  });

  it('may be no other', () => {
    expect(errorOf(() => checkModel(context, 'x'))).toEqual({
      message: 'The model `x` does not exist. Valid aliases: m, alias.',
      type: 'NotFoundError',
      param: 'model',
      code: 404,
    });
  });

  it('may be any where the server does not look', () => {
    const lax = createServing({ skipModelNameValidation: true }).context;
    expect(() => checkModel(lax, 'x')).not.toThrow();
  });

  it('show as the first served name, or as the adapter', () => {
    const serving = createServing().context;
    serving.models.add(LORA);
    expect(['m', 'alias', null, 'l'].map((name) => shownModel(serving, name))).toEqual([
      'm',
      'm',
      'm',
      'l',
    ]);
    expect(() => checkModel(serving, 'l')).not.toThrow();
  });
});

it('tells the time in whole seconds', () => {
  expect(createdSeconds(createServing().context)).toBe(1_700_000_000);
});
