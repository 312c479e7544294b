/** Sampling parameters of a read: one token, and the log probabilities of the labels. Pure. */
import { createSamplingParams } from '../../shared/protocol/defaults.ts';
import { RequestOutputKind } from '../../shared/protocol/request.ts';
import type { MutableSamplingParams } from '../llm/sampling-params.ts';

/** `logprobs`: candidates asked for besides the labels; null: none. `asksForWatermarks`: see ServedModel. */
export function labelParams(
  labels: readonly number[],
  options: {
    readonly temperature: number;
    readonly logprobs: number | null;
    readonly asksForWatermarks: boolean;
  },
): MutableSamplingParams {
  return {
    ...createSamplingParams(),
    maxTokens: 1,
    temperature: options.temperature,
    logprobs: options.logprobs,
    logprobTokenIds: labels,
    outputKind: RequestOutputKind.FINAL_ONLY,
    watermarking: options.asksForWatermarks ? null : false,
    stop: [],
    stopTokenIds: [],
    badWords: [],
    skipReadingPrefixCache: false,
  };
}
