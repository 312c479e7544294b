/**
 * Compares two `/metrics` bodies after the same traffic, sample by sample: what does not depend on time must be equal,
 * and every label set must be on both sides.
 */
import { parseExposition, sampleKey } from './exposition.ts';

/** Families whose values depend on time, each with the reason; their label sets and counts are still compared. */
export const TIME_DEPENDENT: Readonly<Record<string, string>> = {
  'vllm:time_to_first_token_seconds': 'wall-clock time of each request',
  'vllm:inter_token_latency_seconds': 'time between two steps',
  'vllm:request_time_per_output_token_seconds': 'time between two steps',
  'vllm:e2e_request_latency_seconds': 'wall-clock time of each request',
  'vllm:request_queue_time_seconds': 'time until a request is scheduled',
  'vllm:request_inference_time_seconds': 'time from scheduled to the last token',
  'vllm:request_prefill_time_seconds': 'time from scheduled to the first token',
  'vllm:request_decode_time_seconds': 'time from the first to the last token',
  'vllm:iteration_tokens_total':
    'how the parallel requests of a step of the scenario share engine steps',
};

/** Differences in words; empty where the bodies agree. */
export function metricsDifferences(expected: string, got: string): readonly string[] {
  const differences: string[] = [];
  const want = vllmSamples(expected);
  const have = vllmSamples(got);
  for (const [key, { family, value }] of want) {
    const ours = have.get(key);
    if (ours === undefined) {
      differences.push(`${key}: expected ${value}, but there is no such sample`);
      continue;
    }
    if (isComparable(family, key) && ours.value !== value)
      differences.push(`${key}: expected ${value}, got ${ours.value}`);
  }
  for (const key of have.keys())
    if (!want.has(key)) differences.push(`${key}: vLLM has no such sample`);
  return differences;
}

function vllmSamples(text: string): ReadonlyMap<string, { family: string; value: number }> {
  const samples = new Map<string, { family: string; value: number }>();
  for (const family of parseExposition(text).values()) {
    if (!family.name.startsWith('vllm:')) continue;
    for (const sample of family.samples)
      samples.set(sampleKey(sample), { family: family.name, value: sample.value });
  }
  return samples;
}

function isComparable(family: string, key: string): boolean {
  // When a child was made is a time.
  if (family.endsWith('_created')) return false;
  if (!(family in TIME_DEPENDENT)) return true;
  if (family === 'vllm:iteration_tokens_total')
    return !key.includes('engine="0"') || key.startsWith(`${family}_sum`);
  // However long requests took, there were as many of them.
  return key.startsWith(`${family}_count`);
}
