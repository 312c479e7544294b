/**
 * Names that begin with `vllm:` and are of no vLLM: programs around it expose them, and a query for them is answered where
 * such a program is scraped.
 */
export interface OtherExporter {
  readonly program: string;
  /** Where its source registers them. */
  readonly source: string;
  /** Names of series, or of a family's beginning. */
  readonly names: readonly (string | RegExp)[];
}

export const OTHER_EXPORTERS: readonly OtherExporter[] = [
  {
    program: "the router of vLLM's production-stack",
    source:
      'vllm-project/production-stack, metrics_service and semantic_cache_integration of vllm_router',
    names: [
      'vllm:current_qps',
      'vllm:avg_decoding_length',
      'vllm:num_prefill_requests',
      'vllm:num_decoding_requests',
      'vllm:healthy_pods_total',
      'vllm:avg_latency',
      'vllm:avg_itl',
      'vllm:avg_ttft',
      /^vllm:num_incoming_requests(_total|_created)?$/,
      /^vllm:input_tokens(_total|_created)$/,
      /^vllm:output_tokens(_total|_created)$/,
      /^vllm:request_errors(_total|_created)$/,
      /^vllm:request_latency_seconds(_bucket|_sum|_count|_created)?$/,
      /^vllm:semantic_cache_(hits|misses|hit_ratio|size|latency)$/,
      /^vllm:load_balanced_/,
    ],
  },
  {
    program: "AIBrix's KV cache offloading in its build of vLLM",
    source: 'vllm-project/aibrix python/aibrix_kvcache, its connector and its dashboards',
    names: [/^vllm:kv_cache_ol_/, /^vllm:ol_connector_/],
  },
  {
    program: "AIBrix's GPU optimizer",
    source: 'vllm-project/aibrix python/aibrix/aibrix/gpu_optimizer',
    names: ['vllm:deployment_replicas'],
  },
  {
    program: "llm-d's simulator of vLLM",
    source: 'llm-d/llm-d-inference-sim pkg/llm-d-inference-sim/metrics.go',
    names: [/^vllm:max_num_generation_tokens_(bucket|sum|count|created)$/],
  },
];

/** Whose the name is; null: nobody's that is known. */
export function otherExporterOf(name: string): OtherExporter | null {
  const isOurs = (known: string | RegExp): boolean =>
    typeof known === 'string' ? known === name : known.test(name);
  return OTHER_EXPORTERS.find(({ names }) => names.some(isOurs)) ?? null;
}

/** Whether a pattern for names holds the name of such a program, or its beginning. */
export function mayFitOthers(pattern: string): boolean {
  return [...pattern.matchAll(/vllm:\w+/g)].some(([name]) => otherExporterOf(name) !== null);
}
