/**
 * What `--with` names: the flags, variables and kinds of model that bring metrics of their own. A metric's needs are
 * recorded in words; here they become features, all of which one of the needs wants.
 */
export interface Feature {
  /** As `--with` is given it. */
  readonly name: string;
  /** What it is in vLLM. */
  readonly meaning: string;
}

/** `connector=NAME` stands for any KV connector. */
export const FEATURES: readonly Feature[] = [
  { name: 'lora', meaning: '--enable-lora' },
  { name: 'speculative', meaning: '--speculative-config' },
  { name: 'kv-cache-metrics', meaning: '--kv-cache-metrics' },
  { name: 'mfu-metrics', meaning: '--enable-mfu-metrics' },
  { name: 'custom-buckets', meaning: '--custom-histogram-buckets' },
  { name: 'tool-call-parser', meaning: '--tool-call-parser' },
  { name: 'watermark', meaning: '--watermark-config' },
  { name: 'nan-check', meaning: 'the environment variable VLLM_COMPUTE_NANS_IN_LOGITS=1' },
  { name: 'sleep-mode', meaning: '--enable-sleep-mode with VLLM_SERVER_DEV_MODE=1' },
  { name: 'weight-transfer', meaning: "the routes of reinforcement learning's weight transfer" },
  { name: 'realtime', meaning: 'the realtime routes of speech to text' },
  { name: 'diffusion', meaning: 'a diffusion model' },
  { name: 'connector=NAME', meaning: '--kv-transfer-config with that kv_connector' },
  { name: 'store-threshold', meaning: 'store_threshold of 2 or more in kv_connector_extra_config' },
  { name: 'tiering', meaning: 'spec_name TieringOffloadingSpec in kv_connector_extra_config' },
];

const ANY_CONNECTOR = 'connector=*';

/** The beginnings of the recorded words, for what is no connector. */
const WORDS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^--kv-cache-metrics/, ['kv-cache-metrics']],
  [/^--speculative-config/, ['speculative']],
  [/^--enable-lora/, ['lora']],
  [/^--tool-call-parser/, ['tool-call-parser']],
  [/^--watermark-config/, ['watermark']],
  [/VLLM_COMPUTE_NANS_IN_LOGITS/, ['nan-check']],
  [/^sleep-mode routes/, ['sleep-mode']],
  [/^RL weight-transfer/, ['weight-transfer']],
  [/realtime routes/, ['realtime']],
  [/diffusion model/, ['diffusion']],
  [/any connector/, [ANY_CONNECTOR]],
];

/** The features of one need, all of which it wants; the need itself where no feature is known for it. */
export function featuresOf(need: string): readonly string[] {
  const connector = /kv_connector=(\w+)/.exec(need)?.[1];
  if (connector === undefined) return WORDS.find(([pattern]) => pattern.test(need))?.[1] ?? [need];
  return [
    `connector=${connector}`,
    ...(need.includes('--kv-cache-metrics') ? ['kv-cache-metrics'] : []),
    ...(need.includes('store_threshold') ? ['store-threshold'] : []),
    ...(need.includes('TieringOffloadingSpec') ? ['tiering'] : []),
  ];
}

/** Whether one of the needs is met; a family without needs is always there. */
export function isMet(needs: readonly string[], features: ReadonlySet<string>): boolean {
  return (
    needs.length === 0 ||
    needs.some((need) => featuresOf(need).every((name) => has(name, features)))
  );
}

function has(name: string, features: ReadonlySet<string>): boolean {
  if (name !== ANY_CONNECTOR) return features.has(name);
  return [...features].some((feature) => feature.startsWith('connector='));
}
