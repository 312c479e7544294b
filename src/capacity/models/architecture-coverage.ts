/** What is known of each architecture name of vLLM's registry, for people: `models --architectures` and docs/models.md. */
import { readFileSync } from 'node:fs';
import { ownFile } from '../../shared/own-files.ts';
import { DRAFT_FAMILIES } from './drafts/draft-registry.ts';
import { NAMED_FALLBACKS } from './families/decoder-fallback.ts';
import { POOLING_ON_DECODERS } from './families/pooling-on-decoder.ts';
import { HfConfig } from './hf-config.ts';
import { MULTIMODAL_ARCHITECTURES } from './multimodal/architectures.ts';
import { namedOnly } from './named-only.ts';
import { baseArchitectures } from './pooling/runner.ts';
import { FAMILIES } from './registry.ts';

/**
 * `whole`: layers and weights. `layers`: weights by --weights-bytes. `draft`: built beside a target, the named ones and those that
 * are a part of the target's checkpoint. `refused`: with the reason.
 */
export type Coverage = 'whole' | 'layers' | 'draft' | 'refused';

export interface ArchitectureCoverage {
  readonly name: string;
  /** The tables of vLLM's registry that name it. */
  readonly kinds: readonly string[];
  readonly coverage: Coverage;
  /** The family, what is not counted, or why it is refused. */
  readonly note: string;
}

interface Named {
  readonly architectures: readonly string[];
}

const find = <Row extends Named>(rows: readonly Row[], name: string): Row | undefined =>
  rows.find(({ architectures }) => architectures.includes(name));

/** All names in vLLM's order. */
export function architectureCoverage(): readonly ArchitectureCoverage[] {
  const path = ownFile('capacity/models/architecture-names.json');
  const { served } = JSON.parse(readFileSync(path, 'utf8')) as {
    served: Readonly<Record<string, readonly string[]>>;
  };
  const kindsOf = new Map<string, string[]>();
  for (const [kind, names] of Object.entries(served)) {
    for (const name of names) kindsOf.set(name, [...(kindsOf.get(name) ?? []), kind]);
  }
  return [...kindsOf].map(([name, kinds]) => ({ name, kinds, ...coverageOf(name, kinds) }));
}

function coverageOf(
  name: string,
  kinds: readonly string[],
): Pick<ArchitectureCoverage, 'coverage' | 'note'> {
  if (kinds.includes('draft')) {
    const family = find(DRAFT_FAMILIES, name);
    const note =
      family === undefined ? "as part of its target's checkpoint, where that is known" : 'by name';
    return { coverage: 'draft', note };
  }
  const multimodal = find(MULTIMODAL_ARCHITECTURES, name);
  if (multimodal?.refusal !== undefined) return { coverage: 'refused', note: multimodal.refusal };
  if (multimodal?.uncounted !== undefined) {
    return { coverage: 'layers', note: `without the weights of ${multimodal.uncounted}` };
  }
  if (multimodal !== undefined) return { coverage: 'whole', note: 'multimodal' };
  const pooling = find(POOLING_ON_DECODERS, name);
  if (pooling !== undefined) return { coverage: 'whole', note: `on ${pooling.base}` };
  const family =
    find(FAMILIES, name) ??
    find(NAMED_FALLBACKS, name) ??
    baseArchitectures(name)
      .map((base) => find(FAMILIES, base))
      .find((found) => found !== undefined);
  if (family !== undefined) return { coverage: 'whole', note: family.name };
  const reason = namedOnly(name, new HfConfig({}, name));
  if (reason !== null) return { coverage: 'refused', note: reason };
  return kinds.some((kind) => kind.startsWith('transformers backend'))
    ? { coverage: 'whole', note: "transformers' code, for plain decoders" }
    : { coverage: 'refused', note: 'not known' };
}
