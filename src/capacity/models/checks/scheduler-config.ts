/**
 * What vLLM refuses of the batch limits together.
 * Source: vllm/config/scheduler.py SchedulerConfig.verify_max_model_len (0.33.0).
 */

export interface SchedulerLimits {
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  readonly maxModelLen: number;
  readonly enableChunkedPrefill: boolean;
  readonly maxNumActiveSeqs: number | null;
  readonly longPrefillTokenThreshold: number;
}

/** vLLM's sentence about the first limit that does not hold, or null. */
export function schedulerRefusal(limits: SchedulerLimits): string | null {
  const { maxNumBatchedTokens: budget, maxNumSeqs: seqs, maxModelLen: length } = limits;
  if (budget < length && !limits.enableChunkedPrefill) {
    return (
      `max_num_batched_tokens (${budget}) is smaller than max_model_len (${length}). This effectively limits the maximum ` +
      'sequence length to max_num_batched_tokens and makes vLLM reject longer sequences. Please increase ' +
      'max_num_batched_tokens or decrease max_model_len.'
    );
  }
  if (budget < seqs) {
    return `max_num_batched_tokens (${budget}) must be greater than or equal to max_num_seqs (${seqs}).`;
  }
  const active = limits.maxNumActiveSeqs;
  if (active !== null && active > seqs) {
    return `max_num_active_seqs (${active}) cannot be greater than max_num_seqs (${seqs}).`;
  }
  const threshold = limits.longPrefillTokenThreshold;
  if (threshold > length) {
    return `long_prefill_token_threshold (${threshold}) cannot be greater than the max_model_len (${length}).`;
  }
  return null;
}
