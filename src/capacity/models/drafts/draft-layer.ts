/** A decoder layer of Llama's shape, as most drafts have it. Source: vllm/model_executor/models/llama.py LlamaDecoderLayer. */
import { buildQkNorm, headDim, kvHeads, type QkNorm } from '../families/common.ts';
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

export interface DraftLayer {
  /** The layer's module. */
  readonly name: string;
  /** Width of what the attention reads, where it is not the hidden size. */
  readonly inputSize?: number;
  readonly qkvBias?: boolean;
  readonly outputBias?: boolean;
  readonly mlpBias?: boolean;
  readonly qkNorm?: QkNorm;
  readonly norms: readonly string[];
  readonly window: number | null;
  /** A sink per head beside the attention. */
  readonly hasSink?: boolean;
}

export function buildDraftLayer(stage: StageBuilder, draft: HfConfig, about: DraftLayer): void {
  const hiddenSize = draft.num('hidden_size');
  const headSize = headDim(draft);
  const numHeads = draft.num('num_attention_heads');
  const numKvHeads = kvHeads(draft);
  const attention = `${about.name}.self_attn`;
  stage.qkv(`${attention}.qkv_proj`, {
    hiddenSize: about.inputSize ?? hiddenSize,
    headSize,
    numHeads,
    numKvHeads,
    bias: about.qkvBias ?? false,
  });
  const bias = about.outputBias ?? false;
  stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  buildQkNorm(stage, attention, about.qkNorm ?? 'none', { headSize, numHeads, numKvHeads });
  if (about.hasSink === true) {
    stage.tensor(`${attention}.attention_sink_bias`, [stage.perRank(numHeads, 'the heads')]);
  }
  const mlp = { bias: about.mlpBias ?? false };
  stage.gatedMlp(`${about.name}.mlp`, hiddenSize, draft.num('intermediate_size'), mlp);
  for (const norm of about.norms) stage.norm(`${about.name}.${norm}`, hiddenSize);
  stage.attention({
    name: `${attention}.attn`,
    numHeads,
    numKvHeads,
    headSize,
    slidingWindow: about.window,
    hasSink: about.hasSink ?? false,
  });
}
