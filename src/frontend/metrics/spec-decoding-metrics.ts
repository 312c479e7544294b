import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { SpecDecodingStats } from '../../shared/protocol/stats.ts';
import { type Counter, sortedLabels } from './child.ts';
import { SPEC_DECODING_METRICS } from './definitions.ts';
import { Family } from './families.ts';

export interface SpecDecodingMetricsOptions {
  readonly servedModelName: string;
  /** Ascending. */
  readonly ranks: readonly EngineIndex[];
  readonly numSpeculativeTokens: number;
  /** Wall-clock time. */
  readonly createdSeconds: number;
}

/** One engine's, in the order of their families. */
interface SpecDecodingChildren {
  readonly totals: readonly Counter[];
  readonly acceptedPerPos: readonly Counter[];
}

/**
 * The counters of speculative decoding, each with a child per engine, the last with one per draft position too.
 * Source: vllm/v1/spec_decode/metrics.py SpecDecodingProm (0.33.0).
 */
export class SpecDecodingMetrics {
  readonly families: readonly Family[];
  readonly #engines = new Map<EngineIndex, SpecDecodingChildren>();

  constructor(options: SpecDecodingMetricsOptions) {
    const { servedModelName, createdSeconds } = options;
    const positions = Array.from({ length: options.numSpeculativeTokens }, (_, i) => String(i));
    const families = SPEC_DECODING_METRICS.map((metric) => ({
      hasPosition: metric.hasPosition,
      family: new Family({ type: 'counter', name: metric.name, help: metric.help }),
    }));
    for (const rank of options.ranks) {
      const labels = { model_name: servedModelName, engine: String(rank) };
      const totals: Counter[] = [];
      let acceptedPerPos: readonly Counter[] = [];
      for (const { family, hasPosition } of families) {
        if (!hasPosition) totals.push(family.child(sortedLabels(labels), createdSeconds));
        else
          acceptedPerPos = positions.map((position) =>
            family.child(sortedLabels({ ...labels, position }), createdSeconds),
          );
      }
      this.#engines.set(rank, { totals, acceptedPerPos });
    }
    this.families = families.map(({ family }) => family);
  }

  record(rank: EngineIndex, stats: SpecDecodingStats): void {
    const children = this.#engines.get(rank);
    if (children === undefined) return;
    const { numDrafts, numDraftTokens, numAcceptedTokens } = stats;
    for (const [index, count] of [numDrafts, numDraftTokens, numAcceptedTokens].entries())
      children.totals[index]?.inc(count);
    for (const [position, counter] of children.acceptedPerPos.entries())
      counter.inc(stats.numAcceptedTokensPerPos[position] ?? 0);
  }
}
