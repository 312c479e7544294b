/** A checked body of /generative_scoring. Source: vllm/entrypoints/generate/generative_scoring/serving.py (0.33.0). */
export interface GenerativeScoringRequest {
  readonly model: string | null;
  readonly query: string | readonly number[];
  readonly items: readonly (string | readonly number[])[];
  readonly label_token_ids: readonly number[];
  readonly apply_softmax: boolean;
  readonly item_first: boolean;
  readonly add_special_tokens: boolean;
  readonly cache_salt: string | null;
  readonly priority: number | bigint;
  readonly request_id: string | null;
}
