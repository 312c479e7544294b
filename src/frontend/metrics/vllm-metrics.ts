/**
 * The families under `vllm:` that definitions.ts has, with a child per engine and label value from the start, and those
 * children by key and label value: `children.requestSuccess.stop`. A key or value that is not defined, one that says
 * `neverWritten`, or a writer that the metric's type does not have: none of them compiles.
 */
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { type CustomBuckets, histogramBuckets } from './buckets.ts';
import { type FamilyType, type Labels, sortedLabels, type Writers } from './child.ts';
import { METRICS, type MetricDefinition, type MetricKey } from './definitions.ts';
import { Family } from './families.ts';

/** Who has children: the frontend one set, each engine one, and one more with `--kv-cache-metrics`. */
type Scope = 'frontend' | 'engine' | 'residency';

type ScopeOf<D> = D extends { perEngine: false }
  ? 'frontend'
  : D extends { needs: 'kv_cache_metrics' }
    ? 'residency'
    : 'engine';

type ChildOf<D extends { type: FamilyType }> = D extends {
  extraLabel: { values: readonly (infer V extends string)[] };
}
  ? Readonly<Record<V, Writers[D['type']]>>
  : Writers[D['type']];

type Definitions = typeof METRICS;

type WrittenIn<S extends Scope> = {
  [K in MetricKey]: Definitions[K] extends { neverWritten: string }
    ? never
    : ScopeOf<Definitions[K]> extends S
      ? K
      : never;
}[MetricKey];

type ChildrenOf<S extends Scope> = { readonly [K in WrittenIn<S>]: ChildOf<Definitions[K]> };

export type FrontendChildren = ChildrenOf<'frontend'>;
export type EngineChildren = ChildrenOf<'engine'>;
export type ResidencyChildren = ChildrenOf<'residency'>;

export interface VllmMetrics {
  /** In the order of their definitions. */
  readonly families: readonly Family[];
  readonly frontend: FrontendChildren;
  readonly engines: ReadonlyMap<EngineIndex, EngineChildren>;
  /** Empty without `--kv-cache-metrics`. */
  readonly residency: ReadonlyMap<EngineIndex, ResidencyChildren>;
}

export interface VllmMetricsOptions {
  readonly servedModelName: string;
  /** Ascending: children stand in rank order. */
  readonly ranks: readonly EngineIndex[];
  readonly maxModelLen: number;
  readonly kvCacheMetrics: boolean;
  readonly customBuckets: CustomBuckets;
  /** Wall-clock time. */
  readonly createdSeconds: number;
}

interface Registered {
  readonly key: MetricKey;
  readonly definition: MetricDefinition;
  readonly scope: Scope;
  readonly family: Family;
}

export function createVllmMetrics(options: VllmMetricsOptions): VllmMetrics {
  const { ranks, kvCacheMetrics } = options;
  const registered: Registered[] = [];
  for (const [key, definition] of Object.entries(METRICS) as [MetricKey, MetricDefinition][]) {
    const scope = scopeOf(definition);
    if (scope === 'residency' && !kvCacheMetrics) continue;
    const family = createFamily(definition, options);
    // A scrape shows children in the order they are made in: all ranks of a value before the next value.
    for (const extra of extraLabelsOf(definition))
      for (const rank of scope === 'frontend' ? [null] : ranks)
        family.child(labelsOf(rank, extra, options), options.createdSeconds);
    registered.push({ key, definition, scope, family });
  }
  const childrenOf = <S extends Scope>(scope: S, rank: EngineIndex | null): ChildrenOf<S> =>
    // The type says of the table what this walk over the same table does; a test looks up every key and value.
    Object.fromEntries(
      registered
        .filter((metric) => metric.scope === scope)
        .map((metric) => [metric.key, childrenOfMetric(metric, rank, options)]),
    ) as ChildrenOf<S>;
  return {
    families: registered.map(({ family }) => family),
    frontend: childrenOf('frontend', null),
    engines: new Map(ranks.map((rank) => [rank, childrenOf('engine', rank)])),
    residency: new Map(
      kvCacheMetrics ? ranks.map((rank) => [rank, childrenOf('residency', rank)]) : [],
    ),
  };
}

function scopeOf({ perEngine, needs }: MetricDefinition): Scope {
  if (perEngine === false) return 'frontend';
  return needs === 'kv_cache_metrics' ? 'residency' : 'engine';
}

function createFamily(
  definition: MetricDefinition,
  { maxModelLen, customBuckets }: VllmMetricsOptions,
): Family {
  const { name, help } = definition;
  if (definition.type !== 'histogram') return new Family({ name, help, type: definition.type });
  return new Family({
    name,
    help,
    type: 'histogram',
    buckets: histogramBuckets(definition.buckets, maxModelLen, customBuckets),
  });
}

/** The child of a metric without an extra label, else its children by the label's value. */
function childrenOfMetric(
  { definition, family }: Registered,
  rank: EngineIndex | null,
  options: VllmMetricsOptions,
): unknown {
  const children = extraLabelsOf(definition).map((extra) =>
    family.child(labelsOf(rank, extra, options), options.createdSeconds),
  );
  const { extraLabel } = definition;
  return extraLabel === undefined
    ? children[0]
    : Object.fromEntries(extraLabel.values.map((value, i) => [value, children[i]]));
}

/** One label set per value of the extra label; an empty one without it. */
function extraLabelsOf({ extraLabel }: MetricDefinition): readonly Labels[] {
  return extraLabel === undefined
    ? [{}]
    : extraLabel.values.map((value) => ({ [extraLabel.name]: value }));
}

function labelsOf(
  rank: EngineIndex | null,
  extra: Labels,
  { servedModelName }: VllmMetricsOptions,
): Labels {
  const engine: Labels = rank === null ? {} : { engine: String(rank) };
  return sortedLabels({ model_name: servedModelName, ...engine, ...extra });
}
