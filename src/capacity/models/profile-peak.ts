/**
 * What lives at once in a worker while vLLM profiles it: a forward pass over the largest batch, then the sampler over as
 * many requests as it may hold. Source: vllm/v1/worker/gpu/model_runner.py profile_run, _dummy_sampler_run,
 * vllm/v1/worker/gpu/sample/sampler.py (0.33.0). Leaves out: LoRA, drafts, encoders, recurrent state of a prefill.
 */
import type { ResolvedModel } from './resolved-model.ts';

/** Hidden states and residual. */
const STREAMS = 2;
/** Rows of the buffer for what an MLA layer reads of earlier chunks. Source: determine_chunked_prefill_workspace_size. */
const MOST_MLA_ROWS = 64 * 1024;
const FLOAT32_BYTES = 4;
/** float32 logits after penalties, and the same again with top-k applied or as probabilities. */
const SAMPLER_FLOAT32_COPIES = 2;

/** The part of a run that one pipeline stage profiles. */
export interface ProfileInputs {
  readonly model: ResolvedModel;
  readonly tensorParallelSize: number;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  /** The last stage computes logits and samples. */
  readonly isLastStage: boolean;
}

/** Bytes, and how they came about. */
export interface ProfiledBytes {
  readonly bytes: number;
  readonly formula: string;
}

/** The larger of the two: the forward pass is over when the sampler runs. */
export function profilePeak(inputs: ProfileInputs): ProfiledBytes {
  const forward = forwardPass(inputs);
  const sampler = samplerPass(inputs);
  return sampler.bytes > forward.bytes ? sampler : forward;
}

/**
 * The sampler's counters of tokens, which stay: an int32 per request and token of the vocabulary, and a bit for prompts.
 * Source: vllm/v1/worker/gpu/sample/penalties.py PenaltiesState.
 */
export function samplerStateBytes({ model, maxNumSeqs, isLastStage }: ProfileInputs): number {
  if (!isLastStage || model.isPooling) return 0;
  const vocabSize = vocabSizeOf(model);
  return FLOAT32_BYTES * maxNumSeqs * (vocabSize + Math.ceil(vocabSize / 32));
}

function forwardPass(inputs: ProfileInputs): ProfiledBytes {
  const { model, maxNumBatchedTokens } = inputs;
  const hidden = hiddenSizeOf(model);
  const parts = [mlpPart(inputs), expertsPart(inputs), attentionPart(inputs)];
  const widest = parts.reduce((most, part) => (part.elements > most.elements ? part : most));
  const perToken = bytesPerElement(model) * (STREAMS * hidden + widest.elements);
  const mla = mlaContextBytes(inputs);
  const size = bytesPerElement(model);
  return {
    bytes: Math.ceil(maxNumBatchedTokens * perToken + mla),
    formula:
      `max_num_batched_tokens × ${size} B × (2 × hidden_size + ${widest.formula})` +
      (mla > 0 ? ' + keys and values of 64 Ki cached tokens' : ''),
  };
}

interface Part {
  readonly elements: number;
  readonly formula: string;
}

/** Gate and up projections, and their product. */
function mlpPart({ model, tensorParallelSize }: ProfileInputs): Part {
  return {
    elements: (3 * denseIntermediate(model)) / tensorParallelSize,
    formula: '3 × intermediate_size / TP',
  };
}

/** Both workspaces and the output. Source: vllm/model_executor/layers/fused_moe/experts/triton_moe.py workspace_shapes. */
function expertsPart({ model, tensorParallelSize }: ProfileInputs): Part {
  const { text } = model;
  const active = Number(text.numOr('num_experts_per_tok', text.numOr('num_experts_per_token', 1)));
  const hidden = hiddenSizeOf(model);
  const size = text.numOr('moe_intermediate_size', denseIntermediate(model)) / tensorParallelSize;
  const elements = active * (Math.max(size, hidden) + Math.max(2 * size, hidden)) + hidden;
  return {
    elements: model.numExperts === 0 ? 0 : elements,
    formula: 'two rows of each active expert + hidden_size',
  };
}

/** Queries, keys, values and the attention's output. */
function attentionPart({ model, tensorParallelSize }: ProfileInputs): Part {
  const heads = 2 * (model.totalNumAttentionHeads + model.totalNumKvHeads);
  return {
    elements: (heads * model.headSize) / tensorParallelSize,
    formula: '2 × (query heads + KV heads) × head_size / TP',
  };
}

/** kv_b_proj of the largest context chunk. Source: vllm/model_executor/layers/attention/mla_attention.py forward_impl. */
function mlaContextBytes(inputs: ProfileInputs): number {
  const { model, tensorParallelSize, maxNumSeqs } = inputs;
  if (!model.useMla) return 0;
  const { text } = model;
  const rows = Math.min(Math.max(8 * model.maxModelLen, 4 * 64 * maxNumSeqs), MOST_MLA_ROWS);
  const width = text.numOr('qk_nope_head_dim', 0) + text.numOr('v_head_dim', 0);
  return (
    (bytesPerElement(model) * rows * model.totalNumAttentionHeads * width) / tensorParallelSize
  );
}

function samplerPass({ model, maxNumSeqs, maxNumBatchedTokens, isLastStage }: ProfileInputs) {
  const copies = bytesPerElement(model) + SAMPLER_FLOAT32_COPIES * FLOAT32_BYTES;
  const numReqs = Math.min(maxNumSeqs, maxNumBatchedTokens);
  const runs = isLastStage && !model.isPooling;
  return {
    bytes: runs ? numReqs * vocabSizeOf(model) * copies : 0,
    formula: `max_num_seqs × vocab_size × ${copies} B (logits, twice more as float32)`,
  };
}

function denseIntermediate({ text }: ResolvedModel): number {
  if (Array.isArray(text.get('intermediate_size')))
    return Math.max(...text.numbers('intermediate_size'));
  return text.numOr('intermediate_size', 4 * text.numOr('hidden_size', 0));
}

function hiddenSizeOf({ text }: ResolvedModel): number {
  return text.numOr('hidden_size', text.numOr('d_model', text.numOr('n_embd', 0)));
}

function vocabSizeOf({ text, root }: ResolvedModel): number {
  return text.numOr('vocab_size', root.numOr('vocab_size', 0));
}

function bytesPerElement({ dtype }: ResolvedModel): number {
  return dtype === 'float32' ? 4 : 2;
}
