/** Which of vLLM's architectures are known, and how far: for `vllm-twin models --architectures` and docs/models.md. */
import { readArchitectureNames } from './architecture-names.ts';
import { NAMED_FALLBACKS } from './families/decoder-fallback.ts';
import { POOLING_ON_DECODERS } from './families/pooling-on-decoder.ts';
import { MULTIMODAL_ARCHITECTURES } from './multimodal/architectures.ts';
import { namedOnlyReasons } from './named-only.ts';
import { baseArchitectures } from './pooling/runner.ts';
import { FAMILIES, GENERIC_NAME } from './registry.ts';

/**
 * - `known`: layers and weights come from the config.json
 * - `weights given`: the layers do, what all weights take is `--weights-bytes`
 * - `refused`: with the reason; vLLM serves it
 * - `draft`: beside a target; alone it is refused, as vLLM serves none alone
 */
export type CoverageState = 'known' | 'weights given' | 'refused' | 'draft';

export interface Coverage {
  /** The family. */
  readonly name: string;
  /** What the family is to vLLM's config: decoder, hybrid, … */
  readonly kind: string;
  readonly architectures: readonly string[];
  readonly state: CoverageState;
  /** What is missing, or ''. */
  readonly reason: string;
}

/** Every name of vLLM's registry once, those that nothing knows in the last row; and transformers' own that are known. */
export function architectureCoverage(): readonly Coverage[] {
  const { served } = readArchitectureNames();
  const rows: Coverage[] = [
    ...[...FAMILIES, ...NAMED_FALLBACKS].map((family) => known(family.name, family)),
    ...POOLING_ON_DECODERS.map(({ architectures, base }) =>
      known(`pooling on ${base}`, { architectures, kind: 'pooling' }),
    ),
    ...multimodalRows(),
    ...Object.entries(namedOnlyReasons()).map(([name, reason]) => refused([name], reason)),
  ];
  const names = [...new Set(Object.values(served).flat())];
  const generic = names.filter((name) => GENERIC_NAME.test(name));
  const isPlain = (name: string): boolean => !/MultiModal|ForMTP$/.test(name);
  const plain = { kind: 'decoder', architectures: generic.filter(isPlain) };
  rows.push(
    known("transformers' code of a plain decoder", plain),
    refused(
      generic.filter((name) => !isPlain(name)),
      "transformers' code with encoders or MTP layers is not understood",
    ),
  );
  const drafts = served['draft'] ?? [];
  rows.push({ name: 'draft', kind: 'draft', architectures: drafts, state: 'draft', reason: '' });
  const listed = new Set(rows.flatMap(({ architectures }) => architectures));
  const left = names.filter((name) => !listed.has(name));
  const isKnown = (name: string): boolean =>
    rows.some(({ architectures, state }) => state === 'known' && architectures.includes(name));
  const converted = left.filter((name) => baseArchitectures(name).some(isKnown));
  rows.push(
    known('pooling on the class of the same name', { kind: 'pooling', architectures: converted }),
  );
  const unknown = left.filter((name) => !converted.includes(name));
  return unknown.length === 0 ? rows : [...rows, refused(unknown, 'nothing of it is known yet')];
}

function known(
  name: string,
  { kind, architectures }: Pick<Coverage, 'kind' | 'architectures'>,
): Coverage {
  return { name, kind, architectures, state: 'known', reason: '' };
}

function refused(architectures: readonly string[], reason: string): Coverage {
  return { name: 'refused', kind: 'none', architectures, state: 'refused', reason };
}

function multimodalRows(): Coverage[] {
  return MULTIMODAL_ARCHITECTURES.map(({ architectures, uncounted, refusal }) => {
    if (refusal !== undefined) return refused(architectures, refusal);
    const row = known('multimodal', { kind: 'multimodal', architectures });
    if (uncounted === undefined) return row;
    return { ...row, state: 'weights given', reason: `not counted: ${uncounted}` };
  });
}
