import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { sortedLabels } from './child.ts';
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

/**
 * The counters of speculative decoding, each with a child per engine, the last with one per draft position too.
 * Source: vllm/v1/spec_decode/metrics.py SpecDecodingProm (0.33.0).
 */
export function createSpecDecodingFamilies(options: SpecDecodingMetricsOptions): readonly Family[] {
  const positions = Array.from({ length: options.numSpeculativeTokens }, (_, i) => String(i));
  return SPEC_DECODING_METRICS.map(({ name, help, hasPosition }) => {
    const family = new Family({ type: 'counter', name, help });
    for (const rank of options.ranks) {
      const labels = { model_name: options.servedModelName, engine: String(rank) };
      for (const position of hasPosition ? positions : [null])
        family.child(
          sortedLabels(position === null ? labels : { ...labels, position }),
          options.createdSeconds,
        );
    }
    return family;
  });
}
