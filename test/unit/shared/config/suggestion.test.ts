import { expect, it } from 'vitest';
import { flagNames } from '../../../../src/shared/config/flag-names.ts';
import { suggestion } from '../../../../src/shared/config/suggestion.ts';

it.each([
  ['max-modl-len', ' (did you mean --max-model-len?)'],
  ['max_model_length', ' (did you mean --max-model-len?)'],
  ['tensor-parallel', ' (did you mean --tensor-parallel-size?)'],
  ['Port', ' (did you mean --port?)'],
  ['gpu-mem', ' (did you mean --gpu-memory?)'],
  ['block-sise', ' (did you mean --block-size?)'],
  ['quite-something-else', ''],
])('%s', (name, text) => {
  expect(suggestion(name, flagNames())).toBe(text);
});
