import { describe, expect, it } from 'vitest';
import {
  decodeCustomToolInput,
  decodeCustomToolInputPrefix,
  encodeCustomToolInput,
} from '../../../../../src/frontend/openai/responses/custom-tool-input.ts';

describe('the input of a custom tool', () => {
  const inputs = ['ls', '', 'say "ü"\n\\ \t', '🚀 rocket', '{"input": 1}'];

  it.each(inputs)('comes back out of its arguments: %j', (input) => {
    expect(decodeCustomToolInput(encodeCustomToolInput(input))).toBe(input);
  });

  it.each(inputs)('is begun by what is read of arguments that are still coming: %j', (input) => {
    const args = JSON.stringify({ n: 1, note: 'a"b', input });
    for (let end = 0; end <= args.length; end++) {
      const prefix = decodeCustomToolInputPrefix(args.slice(0, end));
      expect(input.startsWith(prefix)).toBe(true);
      expect(/[\uD800-\uDBFF]$/.test(prefix)).toBe(false);
    }
    expect(decodeCustomToolInputPrefix(args)).toBe(input);
  });

  it.each(['no JSON', '[1]', '{"cmd": "ls"}', '{"input": 5}'])(
    'is the arguments themselves where they are of another form: %s',
    (args) => {
      expect(decodeCustomToolInput(args)).toBe(args);
      expect(decodeCustomToolInputPrefix(args)).toBe('');
    },
  );
});
