/**
 * What `explain --json` says, as far as the picture needs it: an engine's answer is JSON that came over the wire, so it is
 * looked at before it is believed. Sizes are bytes, lengths are tokens.
 */

export interface Explanation {
  readonly model: {
    readonly name: string;
    readonly architecture: string;
    readonly dtype: string;
    readonly num_parameters: number;
  } | null;
  readonly gpu: { readonly name: string; readonly memory_bytes: number } | null;
  readonly memory: readonly WorkerMemory[];
  readonly layers: readonly {
    readonly label: string;
    readonly num_layers: number;
    readonly dtype: string;
    readonly block_size: number;
    readonly page_size_bytes: number | null;
  }[];
  readonly grouping: { readonly reason: string } | null;
  readonly groups: readonly {
    readonly label: string;
    readonly num_groups: number;
    readonly num_layers_per_group: number;
    readonly block_size: number;
    readonly page_sizes_bytes: readonly number[];
    readonly blocks_per_request: number;
    readonly formula: string;
  }[];
  readonly naive: { readonly tokens: number; readonly factor: number } | null;
  readonly plan: ExplainedPlan | ExplainedFailure;
}

export interface WorkerMemory {
  readonly worker: number;
  readonly available_bytes: number;
  readonly budget: {
    readonly total_bytes: number;
    readonly requested_bytes: number;
    readonly weights_bytes: number;
    readonly peak_activation_bytes: number;
    readonly non_torch_bytes: number;
    readonly cuda_graph_bytes: number;
    readonly formulas: {
      readonly weights: string;
      readonly peak_activation: string;
      readonly non_torch: string;
      readonly cuda_graph: string;
    };
  } | null;
}

export interface ExplainedPlan {
  readonly ok: true;
  readonly groups: readonly { readonly layer_names: readonly string[] }[];
  readonly workers: readonly { readonly bytes_per_block: number; readonly pool_bytes?: number }[];
  readonly num_blocks: number;
  readonly total_blocks_per_request: number;
  readonly kv_cache_size_tokens: number | null;
  readonly kv_cache_max_concurrency: number | null;
  readonly max_model_len: number;
  readonly cache_block_size: number;
  readonly warnings?: readonly string[];
}

export interface ExplainedFailure {
  readonly ok: false;
  readonly error_type: string;
  readonly error: string;
  readonly warnings?: readonly string[];
}

/** Null where it is none, or of another schema version. */
export function asExplanation(value: unknown): Explanation | null {
  if (typeof value !== 'object' || value === null) return null;
  const { schema_version, memory, layers, groups, plan } = value as Record<string, unknown>;
  const isWhole =
    schema_version === 1 &&
    [memory, layers, groups].every(Array.isArray) &&
    typeof plan === 'object' &&
    plan !== null &&
    'ok' in plan;
  return isWhole ? (value as Explanation) : null;
}
