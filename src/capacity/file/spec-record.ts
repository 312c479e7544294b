/**
 * A spec as the file formats write it: defaults are left out, and the page size is told. Key order is vLLM's field order.
 */
import { SPEC_DEFAULTS } from '../spec/create-spec.ts';
import type { BlockStrideAlignment, KVCacheSpec, TokensPerState } from '../spec/spec.ts';
import { pageSizeBytes } from '../spec/spec-size.ts';
import type { LayerSpecRecord } from './capacity-record.ts';
import { snakeCase } from './snake-case.ts';

/** The fields of all kinds, in an order that is vLLM's for each kind. */
const FIELD_ORDER = [
  'kind',
  'blockSize',
  'dcpSharded',
  'blockStrideAlignment',
  'isDraft',
  'shapes',
  'dtypes',
  'maxTpShards',
  'numKvHeads',
  'headSize',
  'dtype',
  'headSizeV',
  'kvQuantMode',
  'pageSizePadded',
  'numHeadSlots',
  'stateContentBytes',
  'tokensPerState',
  'slidingWindow',
  'extraRetainedTokens',
  'attentionChunkSize',
  'nonCausal',
  'sinkLen',
  'rswaWindow',
  'cacheDtypeStr',
  'topkBufferWidth',
  'alignment',
  'modelVersion',
  'cacheRole',
  'isIndexGroupLeader',
  'nonCausalMultiTokenDecode',
  'boundedReplay',
  'mambaType',
  'mambaCacheMode',
  'numSpeculativeBlocks',
  'numPrefillCheckpointBlocks',
  'prefillCheckpointAlignment',
  'tpReplicated',
] as const satisfies readonly FieldName[];

type FieldName = KVCacheSpec extends infer Spec ? (Spec extends Spec ? keyof Spec : never) : never;

/** Written also where it is the default, as in the recorded cases. */
const ALWAYS_WRITTEN: readonly FieldName[] = ['mambaCacheMode'];

/** One entry of an input's `spec_table`. */
export function specToRecord(spec: KVCacheSpec): LayerSpecRecord {
  const values: Readonly<Partial<Record<FieldName, unknown>>> = spec;
  const defaults: Readonly<Partial<Record<FieldName, unknown>>> = SPEC_DEFAULTS[spec.kind];
  const written = FIELD_ORDER.filter(
    (name) => name in values && (values[name] !== defaults[name] || ALWAYS_WRITTEN.includes(name)),
  );
  const entries = written.map((name) => [snakeCase(name), toJson(values[name])] as const);
  // The names are LayerSpecRecord's, because they are the spec's own in snake_case.
  return Object.fromEntries(entries) as unknown as LayerSpecRecord;
}

/** One entry of a plan's `spec_table`. */
export function plannedSpecToRecord(
  spec: KVCacheSpec,
): LayerSpecRecord & { readonly page_size_bytes: number } {
  return { ...specToRecord(spec), page_size_bytes: pageSizeBytes(spec) };
}

function toJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const rule = value as Exclude<BlockStrideAlignment | TokensPerState, number | null>;
  return 'multipleOf' in rule
    ? { multiple_of: rule.multipleOf }
    : { fraction: [rule.numerator, rule.denominator] };
}
