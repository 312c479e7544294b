/** `metrics.speculative_decoding` of an answer. Source: vllm/v1/metrics/stats.py RequestSpecDecodeMetrics.to_dict (0.33.0). */
import type { RequestSpecDecodeMetrics } from '../../shared/protocol/outputs.ts';
import { jsonFloat } from '../../shared/python/json-text.ts';

/** `skipNull`: what is only told with details is left out without them; null otherwise. */
export function specDecodingJson(metrics: RequestSpecDecodeMetrics, skipNull: boolean): string {
  const { histogram, numDraftTokens, perStepAccepted, perStepDrafted } = metrics;
  const numSteps = histogram.reduce((sum, count) => sum + count, 0);
  const numAccepted = histogram.reduce((sum, count, accepted) => sum + accepted * count, 0);
  const meanLength = numSteps > 0 ? 1 + numAccepted / numSteps : 1;
  const rate = numDraftTokens > 0 ? numAccepted / numDraftTokens : 0;
  const isDetailed = perStepAccepted.length > 0;
  const steps = isDetailed
    ? `,"per_step_accepted":[${perStepAccepted.join(',')}],"per_step_drafted":[${perStepDrafted.join(',')}]`
    : skipNull
      ? ''
      : ',"per_step_accepted":null,"per_step_drafted":null';
  return (
    `{"mean_acceptance_length":${jsonFloat(meanLength)},"draft_acceptance_rate":${jsonFloat(rate)}` +
    `,"acceptance_histogram":[${histogram.join(',')}],"num_spec_steps":${numSteps}` +
    `,"num_accepted_draft_tokens":${numAccepted},"num_draft_tokens":${numDraftTokens}` +
    `,"num_spec_tokens":${metrics.numSpecTokens}${steps}}`
  );
}
