/**
 * The physical order of the KV cache's dimensions, and which one a model gets.
 * A name is the order itself, outermost first: L(ayer), B(lock), H(ead), N (states), C(ontent).
 * Source: vllm/v1/kv_cache_layout.py, vllm/v1/attention/backends/utils.py resolve_kv_cache_layout (0.33.0).
 * Leaves out: the preference of a KV connector.
 */

import { valueError } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { numHeads, numStates, pageSizeBytes } from '../spec/spec-size.ts';

export const KV_CACHE_LAYOUTS = ['LBHNC', 'LBNHC', 'LHBNC', 'BLHNC', 'BLNHC', 'BHLNC'] as const;

export type KVCacheLayout = (typeof KV_CACHE_LAYOUTS)[number];

/** Each layer is one region: L is outermost. */
export function isLayerCompact(layout: KVCacheLayout): boolean {
  return layout.startsWith('L');
}

/** Each page is one run of bytes: L and B are the outer two. */
export function isBlockCompact(layout: KVCacheLayout): boolean {
  return layout.startsWith('LB') || layout.startsWith('BL');
}

/** The pages of all layers lie side by side in a block: B is outermost. */
export function isBlockOutermost(layout: KVCacheLayout): boolean {
  return layout.startsWith('B');
}

/** Accepts the older names NHD and HND. Throws ValueError for any other. */
export function layoutFromName(name: string): KVCacheLayout {
  const resolved = name === 'NHD' ? 'LBNHC' : name === 'HND' ? 'LBHNC' : name;
  const layout = KV_CACHE_LAYOUTS.find((known) => known === resolved);
  if (layout === undefined) {
    throw valueError(
      `Unknown KV cache layout '${resolved}'. Valid layouts: ${pythonList(KV_CACHE_LAYOUTS)}`,
    );
  }
  return layout;
}

/**
 * The layout that every layer can live with: the requested one, or the first of the supported ones that is left.
 * `specs` are the layers of all workers. Throws ValueError where none is left or the request is none of them.
 */
export function resolveKVCacheLayout(options: {
  readonly supported: readonly string[];
  readonly requested: string | null;
  readonly numWorkers: number;
  readonly specs: Iterable<KVCacheSpec>;
}): KVCacheLayout {
  const specs = [...new Set(options.specs)];
  let candidates = options.supported.map(layoutFromName);
  const supportedText = pythonListOfLists(options.supported, options.numWorkers);

  const shapes = new Set(
    specs.map((spec) => `${numHeads(spec)},${numStates(spec)},${pageSizeBytes(spec)}`),
  );
  if (shapes.size > 1) {
    candidates = candidates.filter(isBlockCompact);
    if (candidates.length === 0) {
      throw valueError(
        'Specs with mixed HNC shapes need a block-compact layout, but none is in every supported set: ' +
          `${supportedText}.`,
      );
    }
  }

  // A circular buffer is replicated state like Mamba's and needs no group of its own.
  const dcpSharding = new Set(
    specs
      .filter((spec) => spec.kind !== 'mamba' && spec.kind !== 'circular_buffer')
      .map((spec) => spec.dcpSharded),
  );
  const pageSizes = new Set(specs.map(pageSizeBytes));
  if (dcpSharding.size > 1 && pageSizes.size > 1) {
    candidates = candidates.filter(isBlockOutermost);
    if (candidates.length === 0) {
      throw valueError(
        'DCP with a replicated draft and mixed KV page sizes requires a block-outer KV cache layout; ' +
          `supported sets: ${supportedText}.`,
      );
    }
  }

  const [first] = candidates;
  if (first === undefined) throw valueError('No worker reported supported KV cache layouts.');
  if (options.requested === null) return first;
  const requested = layoutFromName(knownEnvironmentValue(options.requested));
  if (!candidates.includes(requested)) {
    throw valueError(
      `VLLM_KV_CACHE_LAYOUT=${options.requested} does not satisfy every supported set; ` +
        `valid layouts: ${pythonList(candidates)}.`,
    );
  }
  return requested;
}

/** Source: vllm/envs.py, the values that VLLM_KV_CACHE_LAYOUT may have, in its order. */
function knownEnvironmentValue(value: string): string {
  const choices = ['LBNHC', 'LBHNC', 'LHBNC', 'NHD', 'HND', 'BLHNC', 'BLNHC', 'BHLNC'];
  if (choices.includes(value)) return value;
  throw valueError(
    `Invalid value '${value}' for VLLM_KV_CACHE_LAYOUT. Valid options: ${pythonList(choices)}.`,
  );
}

/** `str()` of a list of plain names. */
export function pythonList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}

function pythonListOfLists(names: readonly string[], count: number): string {
  return `[${Array<string>(count).fill(pythonList(names)).join(', ')}]`;
}
