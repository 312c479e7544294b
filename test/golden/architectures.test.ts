/**
 * vLLM's registry against ours: which of its architecture names a family answers. architectures.json is recorded from vLLM
 * 0.33.0's registry; producers/architectures.py holds it against the source.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAMILIES, familyOf } from '../../src/capacity/models/registry.ts';

interface RecordedArchitecture {
  readonly name: string;
  readonly kinds: readonly string[];
}

const { architectures } = JSON.parse(
  readFileSync(new URL('./architectures.json', import.meta.url), 'utf8'),
) as { architectures: readonly RecordedArchitecture[] };
const recordedNames = new Set(architectures.map(({ name }) => name));
const known = new Set(FAMILIES.flatMap((family) => family.architectures));

/** Raised with each family; at all 415 this becomes: no name is missing. */
const AT_LEAST_COVERED = 72;

/** The message that says what is left, by kind. */
function missing(): string {
  const left = architectures.filter(({ name }) => !known.has(name));
  const kinds = [...new Set(left.flatMap((row) => row.kinds))];
  const lines = kinds.map((kind) => {
    const names = left.filter((row) => row.kinds.includes(kind)).map(({ name }) => name);
    return `${kind} (${names.length}): ${names.join(', ')}`;
  });
  return `${left.length} names have no family:\n${lines.join('\n')}`;
}

describe("vLLM's registry", () => {
  it('has 415 names', () => {
    expect(recordedNames.size).toBe(415);
  });

  it('is covered as far as it was, or further', () => {
    const covered = architectures.filter(({ name }) => known.has(name));
    expect(covered.length, missing()).toBeGreaterThanOrEqual(AT_LEAST_COVERED);
  });

  it.each(architectures)('says what is the matter with $name, or knows it', ({ name, kinds }) => {
    const reason = kinds.includes('draft') ? 'is a draft' : 'vLLM serves but this twin does not';
    if (known.has(name)) expect(familyOf(name, 'm').architectures).toContain(name);
    else expect(() => familyOf(name, 'm')).toThrow(`${name}, which ${reason}`);
  });
});

describe('a family', () => {
  it.each(FAMILIES.map((family) => [family.name, family] as const))(
    '%s has architectures of no other',
    (_, family) => {
      const others = FAMILIES.filter((other) => other !== family);
      const shared = others.flatMap((other) =>
        other.architectures.filter((name) => family.architectures.includes(name)),
      );
      expect(shared).toEqual([]);
    },
  );

  it('names only architectures that vLLM has', () => {
    expect([...known].filter((name) => !recordedNames.has(name))).toEqual([]);
  });
});

describe('an architecture that vLLM does not serve', () => {
  it.each([
    ['StableLMEpochForCausalLM', 'was supported in vLLM until v0.28.0, and is not supported'],
    ['BartModel', 'Please install the plugin at https://github.com/vllm-project/bart-plugin'],
    ['NobodysForCausalLM', 'names NobodysForCausalLM, which is not known; '],
  ])('%s is refused: %s', (name, words) => {
    expect(() => familyOf(name, 'm')).toThrow(words);
  });
});
