import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../../../src/capacity/file/model-case.ts';
import { architectureCoverage } from '../../../../src/capacity/models/coverage.ts';
import { NAMED_FALLBACKS } from '../../../../src/capacity/models/families/decoder-fallback.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../../golden/architectures.json', import.meta.url), 'utf8'),
) as { architectures: readonly { readonly name: string; readonly config?: object }[] };

const rows = architectureCoverage();

describe('the coverage of architectures', () => {
  it("has each name of vLLM's registry in one row", () => {
    const names = recorded.architectures.map(({ name }) => name);
    const listed = rows
      .flatMap(({ architectures }) => architectures)
      // Transformers' own classes have names that vLLM's registry has not.
      .filter((name) => !NAMED_FALLBACKS.some((family) => family.architectures.includes(name)));
    expect([...listed].sort()).toEqual([...names].sort());
  });

  it('says of no recorded configuration that is planned that it is refused', () => {
    const states = new Map(
      rows.flatMap((row) => row.architectures.map((name) => [name, row.state])),
    );
    const planned = recorded.architectures.filter(({ name, config }) => {
      const model = { hf_config: config, engine_args: {}, gpu: { profile: 'H100-80GiB' } };
      try {
        deriveModelCase({ id: name, record: { model } }, 'coverage');
        return true;
      } catch {
        return false;
      }
    });
    expect(planned.length).toBeGreaterThan(100);
    expect(planned.filter(({ name }) => states.get(name) !== 'known')).toEqual([]);
  });
});
