/** What the HTTP side must know of the model it serves. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StructuredOutputBackend } from '../../shared/config/structured-outputs-config.ts';
import type { ServedPooling } from './served-pooling.ts';

export interface ServedModel {
  /** As given on the command line; `root` of /v1/models. */
  readonly model: string;
  /** `model_type` of its config; empty where it has none. */
  readonly modelType: string;
  /** vLLM's class of it; null where it has none. */
  readonly architecture: string | null;
  /** What requests may call it; the first is what answers say. */
  readonly servedModelNames: readonly string[];
  /** Tokens; the smallest of the engines' own. */
  readonly maxModelLen: number;
  readonly vocabSize: number;
  /** Used where the tokenizer names none. */
  readonly eosTokenId: number | null;
  /** From generation_config.json: temperature, top_p, top_k, min_p, repetition_penalty, max_tokens. */
  readonly defaultSamplingParams: Readonly<Record<string, number>>;
  readonly generationEosTokenIds: readonly number[];
  /** Of --structured-outputs-config. */
  readonly structuredOutputBackend: StructuredOutputBackend;
  /** Null for a model that generates. */
  readonly pooling: ServedPooling | null;
  /** What prompts in embeddings have to be; null without `--enable-prompt-embeds`. */
  readonly promptEmbeds: EmbeddingKind | null;
  /** `system_fingerprint` of answers; null leaves it out. */
  readonly fingerprint: string | null;
  /**
   * Requests say of watermarking what they ask for, as until 0.31.0; since then the frontend decides, and there is none here.
   * Source: vllm/v1/engine/input_processor.py InputProcessor.apply_watermarking (0.32.0).
   */
  readonly asksForWatermarks: boolean;
  /** GPUs of a rank, and ranks, as the frontend was told; engines of a dense model know of no other rank. */
  readonly worldSize: number;
  readonly dataParallelSize: number;
  /** For /server_info. */
  readonly vllmConfig: { readonly text: string; readonly json: unknown };
}

/** What a model's embeddings are. */
export interface EmbeddingKind {
  readonly hiddenSize: number;
  /** bfloat16, float16 or float32. */
  readonly dtype: string;
}

const DEFAULT_PARAM_NAMES = [
  'repetition_penalty',
  'temperature',
  'top_k',
  'top_p',
  'min_p',
] as const;

/**
 * Reads generation_config.json of a model folder; without a folder or file there are no defaults.
 * Source: vllm/config/model.py get_diff_sampling_param, try_get_generation_config (0.33.0).
 */
export function readGenerationConfig(
  folder: string | null,
): Pick<ServedModel, 'defaultSamplingParams' | 'generationEosTokenIds'> {
  const path = folder === null ? null : join(folder, 'generation_config.json');
  if (path === null || !existsSync(path))
    return { defaultSamplingParams: {}, generationEosTokenIds: [] };
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const defaults: Record<string, number> = {};
  for (const name of DEFAULT_PARAM_NAMES) {
    const value = config[name];
    if (typeof value === 'number') defaults[name] = value;
  }
  const maxNewTokens = config['max_new_tokens'];
  if (typeof maxNewTokens === 'number') defaults['max_tokens'] = maxNewTokens;
  const eos = config['eos_token_id'];
  const generationEosTokenIds =
    typeof eos === 'number'
      ? [eos]
      : Array.isArray(eos)
        ? eos.filter((id) => typeof id === 'number')
        : [];
  return { defaultSamplingParams: defaults, generationEosTokenIds };
}

/**
 * `vllm-0.33.0[-tp2][-pp2][-dp2][-ep]-<hash8>`. The hash is our own: it changes with the settings, as vLLM's does.
 * Source: vllm/entrypoints/serve/utils/fingerprint.py (0.33.0).
 */
export function systemFingerprint({
  vllmVersion,
  mode,
  customValue,
  tensorParallelSize,
  pipelineParallelSize,
  dataParallelSize,
  isExpertParallel,
  settings,
}: {
  readonly vllmVersion: string;
  readonly mode: 'full' | 'hash' | 'custom' | 'none';
  readonly customValue: string | null;
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly dataParallelSize: number;
  readonly isExpertParallel: boolean;
  /** Anything that tells two servers apart. */
  readonly settings: unknown;
}): string | null {
  if (mode === 'none') return null;
  if (mode === 'custom') return customValue;
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 8);
  const parts = [`vllm-${vllmVersion}`];
  if (mode === 'full') {
    if (tensorParallelSize > 1) parts.push(`tp${tensorParallelSize}`);
    if (pipelineParallelSize > 1) parts.push(`pp${pipelineParallelSize}`);
    if (dataParallelSize > 1) parts.push(`dp${dataParallelSize}`);
    if (isExpertParallel) parts.push('ep');
  }
  parts.push(hash);
  return parts.join('-');
}
