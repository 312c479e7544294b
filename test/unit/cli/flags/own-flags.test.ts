import { describe, expect, it } from 'vitest';
import { parseOwnFlags } from '../../../../src/cli/flags/own-flags.ts';

const FLAGS = [
  { name: 'json', takes: 'switch' },
  { name: 'id', takes: 'value' },
  { name: 'names', takes: 'list' },
] as const;

describe('the flags of a small command', () => {
  it('are split from its positionals', () => {
    const words = ['FILE', '--json', '--id=x', '--names', 'a', 'b'];
    const { positionals, flags } = parseOwnFlags(words, FLAGS, 'replay');
    expect(positionals).toEqual(['FILE']);
    expect(Object.fromEntries(flags)).toEqual({ json: ['true'], id: ['x'], names: ['a', 'b'] });
  });

  it.each([
    [['--jason'], 'replay: unknown flag --jason (did you mean --json?)'],
    [['--other'], 'replay: unknown flag --other; it takes --json, --id, --names'],
    [['-j'], 'replay: unknown flag -j; it takes --json, --id, --names'],
    [['--id'], '--id: expects a value'],
    [['--id.x', '1'], 'replay: --id takes no keys, it is not JSON'],
  ])('are refused where they are wrong: %j', (words, message) => {
    expect(() => parseOwnFlags(words, FLAGS, 'replay')).toThrow(message);
  });
});
