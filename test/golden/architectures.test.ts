/**
 * vLLM's registry against ours: which of its architecture names a family answers. architectures.json is recorded from vLLM
 * 0.33.0's registry; producers/architectures.py holds it against the source.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { HfConfig } from '../../src/capacity/models/hf-config.ts';
import { FAMILIES, familyOf } from '../../src/capacity/models/registry.ts';
import { ConfigError } from '../../src/shared/errors.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

interface RecordedArchitecture {
  readonly name: string;
  readonly kinds: readonly string[];
  /** A plausible config.json for about half of the names. */
  readonly config?: JsonObject;
}

const { architectures } = JSON.parse(
  readFileSync(new URL('./architectures.json', import.meta.url), 'utf8'),
) as { architectures: readonly RecordedArchitecture[] };
const recordedNames = new Set(architectures.map(({ name }) => name));
const known = new Set(FAMILIES.flatMap((family) => family.architectures));

/** What planning says of a config.json on an H100: null where it answers, else why not. */
function refusal(config: JsonObject): string | null {
  const model = { hf_config: config, engine_args: {}, gpu: { profile: 'H100-80GiB' } };
  try {
    deriveModelCase({ id: 'm', record: { model } }, 'm');
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

describe("vLLM's registry", () => {
  it('has 415 names', () => {
    expect(recordedNames.size).toBe(415);
  });

  // A refusal for another reason than the name is an answer: drafts, fields that a made-up file lacks, what vLLM refuses itself.
  it.each(architectures)('$name is answered', ({ name, config }) => {
    const said = refusal(config ?? { architectures: [name] });
    expect(said ?? '').not.toMatch(/this twin does not know yet|which is not known/);
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
    expect(() => familyOf(name, new HfConfig({}, 'm'))).toThrow(words);
  });
});
