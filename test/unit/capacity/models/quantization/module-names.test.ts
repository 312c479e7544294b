import { describe, expect, it } from 'vitest';
import {
  matchesTarget,
  matchesWildcard,
} from '../../../../../src/capacity/models/quantization/module-names.ts';

describe('patterns of module names', () => {
  it.each([
    ['model.layers.1.mlp', 'model.layers.*', true],
    ['model.layers.1.mlp', '*.mlp', true],
    ['model.layers.1.mlp', 'model.layers.?.mlp', true],
    ['model.layers.12.mlp', 'model.layers.?.mlp', false],
    ['model.layers.1.mlp', 'model.layers.[0-3].mlp', true],
    ['model.layers.1.mlp', 'model.layers.[!0-3].mlp', false],
    ['modelXlayers', 'model.layers', false],
    ['a(b', 'a(b', true],
  ])('%s by the wildcard %s: %s', (name, wildcard, matches) => {
    expect(matchesWildcard(name, wildcard)).toBe(matches);
  });

  it('begin a name where they are regular expressions, and are the name where not', () => {
    expect(matchesTarget('model.layers.0.mlp.gate', 're:.*gate')).toBe(true);
    expect(matchesTarget('model.layers.0', 're:layers')).toBe(false);
    expect(matchesTarget('lm_head', 'lm_head')).toBe(true);
    expect(matchesTarget('lm_head.x', 'lm_head')).toBe(false);
    expect(() => matchesTarget('x', 're:(')).toThrow('is no pattern');
  });
});
