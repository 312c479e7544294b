/**
 * What each flag of vLLM that is no setting of ours would change. Two tables, so that a flag of vLLM's next version stands in
 * neither until somebody has looked at it; a test wants every flag in exactly one, or in the registry.
 */
export type IgnoredClass =
  /** Nobody outside a GPU sees a difference. */
  | { readonly kind: 'inert'; readonly why: string }
  /** vLLM would behave differently here, and the twin does not. */
  | { readonly kind: 'unsimulated'; readonly changes: string };

/** Flags that change nothing that anybody outside a GPU can see, by the reason. */
export const INERT_FLAGS: readonly { readonly why: string; readonly flags: readonly string[] }[] = [
  {
    why: 'Weights are not loaded',
    flags: [
      'code-revision',
      'config-format',
      'download-dir',
      'engram-config',
      'hf-token',
      'ignore-patterns',
      'load-format',
      'max-parallel-loading-workers',
      'model-impl',
      'model-loader-extra-config',
      'pt-load-map-location',
      'safetensors-load-strategy',
      'safetensors-prefetch-block-size',
      'safetensors-prefetch-num-threads',
      'trust-remote-code',
      'use-tqdm-on-load',
    ],
  },
  {
    why: 'Kernels do not run: the time of a simulated step does not depend on them',
    flags: [
      'disable-cascade-attn',
      'enable-batch-sharded-sampling',
      'enable-flash-late-interaction',
      'enable-flashinfer-autotune',
      'enable-hc-sp',
      'enable-layerwise-nvtx-tracing',
      'enable-mamba-cache-stochastic-rounding',
      'gdn-prefill-backend',
      'ir-op-priority',
      'jit-monitor-mode',
      'jit-monitor-verbose',
      'kda-decode-backend',
      'kda-prefill-backend',
      'kernel-config',
      'kv-sharing-fast-prefill',
      'linear-backend',
      'mamba-backend',
      'mamba-cache-philox-rounds',
      'mamba-ssu-algorithm',
      'mm-device-do-normalize',
      'mm-encoder-attn-backend',
      'mm-encoder-attn-dtype',
      'mm-encoder-fp8-scale-path',
      'mm-encoder-fp8-scale-save-margin',
      'mm-encoder-fp8-scale-save-path',
      'mm-encoder-tp-mode',
      'moe-backend',
      'monokernel',
      'sparse-indexer-topk-backend',
      'use-fp64-gumbel',
    ],
  },
  {
    why: 'GPUs do not talk to one another',
    flags: [
      'all2all-backend',
      'dbo-decode-token-threshold',
      'dbo-prefill-token-threshold',
      'dcp-comm-backend',
      'dcp-q-replicate',
      'disable-custom-all-reduce',
      'disable-nccl-for-dp-synchronization',
      'distributed-timeout-seconds',
      'enable-dbo',
      'enable-ep-weight-filter',
      'enable-nccl-comm-suspend',
      'expert-placement-strategy',
      'ubatch-size',
    ],
  },
  {
    why: 'A rank is one process, without workers or a place on a machine',
    flags: [
      'device-ids',
      'distributed-executor-backend',
      'enable-shm-tensor-arena',
      'numa-bind',
      'numa-bind-cpus',
      'numa-bind-nodes',
      'ray-workers-use-nsight',
    ],
  },
  {
    why: 'Sleeping frees no real memory',
    flags: [
      'enable-cumem-allocator',
      'sleep-mode-backend',
      'sleep-mode-offload-cudagraph',
      'sleep-preserve-parameter-names',
    ],
  },
  {
    why: 'Matrices of adapters are not loaded',
    flags: ['enable-mixed-moe-lora-format', 'enable-moe-shared-loras', 'specialize-active-lora'],
  },
  { why: 'vLLM 0.33.0 takes it and reads it nowhere', flags: ['mamba-cache-mode'] },
  { why: 'vLLM 0.33.0 hides no metric', flags: ['show-hidden-metrics-for-version'] },
  { why: "For plugins of other hardware's platforms", flags: ['additional-config'] },
];

const MULTI_MODAL = 'prompts with images, audio and video are not simulated';
const PYTHON = "code in Python of the user's own is not loaded";
const OFFLOADED = 'weights in CPU memory, which leave more to the KV cache (see --cpu-offload-gb)';
const OTHER_APIS = 'endpoints of the Cohere API are not served';
const TRACES = 'OpenTelemetry traces are not sent';
const REASONING =
  'a thought is what the reasoning parser says, and has no budget but that of its request';
const EXPERTS = 'routed_experts of answers are not made';
const ELASTIC = 'the number of ranks stays what it was at the start';
const REPLAY_SSM = 'memory of state layers under speculation';
const GRPC = 'gRPC is not served';

/** Flags with which vLLM would do something else, and what that is. */
export const UNSIMULATED_FLAGS: Readonly<Record<string, string>> = {
  'aggregate-engine-logging': 'the log has a line of statistics for each engine, not one for all',
  'allowed-local-media-path': MULTI_MODAL,
  'allowed-media-domains': MULTI_MODAL,
  'attention-config': 'block sizes by the backend in it (give it as --attention-backend)',
  'aux-output-config': EXPERTS,
  'cohere-format': OTHER_APIS,
  'cohere-is-reasoning-model': OTHER_APIS,
  'collect-detailed-traces': TRACES,
  'cpu-offload-params': OFFLOADED,
  'cudagraph-metrics': 'log lines of CUDA graph statistics are not written',
  'default-mm-loras': MULTI_MODAL,
  'diffusion-config': 'diffusion language models are not simulated',
  'disable-chunked-mm-input': MULTI_MODAL,
  'disable-sliding-window':
    'sliding-window layers as full attention, and a max_model_len cut to it',
  'ec-manager-config': MULTI_MODAL,
  'ec-transfer-config': MULTI_MODAL,
  'elastic-ep-max-dp-size': ELASTIC,
  'enable-elastic-ep': ELASTIC,
  'enable-eplb': 'memory of redundant experts',
  'enable-fault-tolerance': 'a dead engine is not replaced',
  'enable-logging-iteration-details': 'log lines of single iterations are not written',
  'enable-mamba-shared-prefix-checkpoint': 'prefix cache hits of state layers under speculation',
  'enable-mm-embeds': MULTI_MODAL,
  'enable-return-routed-experts': EXPERTS,
  'enable-ssl-refresh': 'TLS files are read once, at the start',
  'enable-tower-connector-lora': MULTI_MODAL,
  'enable-trace-replay': 'trace_decode_token_ids of requests are not replayed',
  'eplb-config': 'memory of redundant experts',
  'fault-tolerance-config': 'a dead engine is not replaced',
  'fully-sharded-loras': 'memory of adapters',
  grpc: GRPC,
  'grpc-port': GRPC,
  'hf-config-path': "the model's config comes from its own folder or the catalogue",
  'interleave-mm-strings': MULTI_MODAL,
  'io-processor-plugin': PYTHON,
  'language-model-only': 'memory of the weights of encoders',
  'limit-mm-per-prompt': MULTI_MODAL,
  'log-config-file': "Python's logging set-up (see --log-format and --log-level)",
  'log-error-stack': 'stacks of error answers are not logged',
  'logging-config': "Python's logging set-up (see --log-format and --log-level)",
  'logits-processors': PYTHON,
  'lora-dtype': 'memory of adapters',
  'lora-target-modules': 'which modules of an adapter are taken',
  'max-lora-cls-labels': 'memory of adapters of classifiers',
  'media-io-kwargs': MULTI_MODAL,
  middleware: PYTHON,
  'mm-encoder-only': MULTI_MODAL,
  'mm-hasher-algorithm': MULTI_MODAL,
  'mm-ipc-gpu-memory-gb': MULTI_MODAL,
  'mm-processor-cache-gb': MULTI_MODAL,
  'mm-processor-cache-type': MULTI_MODAL,
  'mm-processor-device': MULTI_MODAL,
  'mm-processor-kwargs': MULTI_MODAL,
  'mm-shm-cache-max-object-size-mb': MULTI_MODAL,
  'mm-tensor-ipc': MULTI_MODAL,
  'model-class-overrides': PYTHON,
  'offload-group-size': OFFLOADED,
  'offload-num-in-group': OFFLOADED,
  'offload-params': OFFLOADED,
  'offload-prefetch-step': OFFLOADED,
  'otlp-traces-endpoint': TRACES,
  'prefill-context-parallel-size': 'prefill context parallelism is not simulated',
  'reasoning-config': REASONING,
  'reasoning-parser-plugin': PYTHON,
  'renderer-num-workers': 'long texts are tokenized and rendered by one thread',
  'replayssm-buffer-len': REPLAY_SSM,
  revision: "the model's config is the catalogue's or the folder's",
  'scheduler-cls': PYTHON,
  'skip-mm-profiling': 'memory of the encoders of multi-modal models',
  'skip-tokenizer-init': 'texts are tokenized all the same',
  'swa-bounded-replay': 'prefix cache hits of DeepSeek V4.1',
  'tokenizer-mode': 'the tokenizer is the one of tokenizer.json',
  'tokenizer-revision': "the tokenizer is the folder's or the embedded one",
  'tool-parser-plugin': PYTHON,
  'tool-server': 'tools are never called',
  'tool-strict-level': 'calls are held to their format as tools and tool_choice say',
  'use-replayssm': REPLAY_SSM,
  'video-pruning-method': MULTI_MODAL,
  'video-pruning-rate': MULTI_MODAL,
  'watchdog-config': 'processes that hang are not noticed',
  'watermark-config': 'answers carry no watermark',
  'weight-transfer-config': 'weights are not exchanged while it serves',
  'worker-cls': PYTHON,
  'worker-extension-cls': PYTHON,
};

/** By name in kebab case, without dashes. Null for a flag that stands in neither table. */
export function classOf(name: string): IgnoredClass | null {
  const changes = UNSIMULATED_FLAGS[name];
  if (changes !== undefined) return { kind: 'unsimulated', changes };
  const group = INERT_FLAGS.find(({ flags }) => flags.includes(name));
  return group === undefined ? null : { kind: 'inert', why: group.why };
}
