/**
 * The last layer of a pooling model: what a finished prompt's hidden states are made into. The states are made up from the
 * token ids; shapes, labels, dimensions and activations are the model's own.
 * Source: vllm/model_executor/layers/pooler/{seqwise,tokwise}/heads.py, activations.py (0.33.0).
 */
import type { PoolingFacts } from '../../capacity/models/pooling/pooling-facts.ts';
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { PoolingParams } from '../../shared/protocol/pooling.ts';
import { LateInteraction } from './late-interaction.ts';
import {
  cutRows,
  hashTokens,
  meanChunks,
  mix,
  normalizeRows,
  promptVector,
  signedUnit,
  tokenVectors,
} from './pooled-vectors.ts';

/** Logits of classes lie within so much of zero. */
const LOGIT_SPREAD = 4;
/** A score is that much for a pair which shares nothing, and so much more for one that shares everything. */
const LEAST_SCORE_LOGIT = -4;
const SHARED_SCORE_LOGIT = 12;

export interface PooledRequest {
  readonly requestId: string;
  readonly promptTokenIds: readonly number[];
  readonly params: PoolingParams;
  /** 0 without an adapter. */
  readonly loraIntId: number;
}

export class Pooler {
  readonly facts: PoolingFacts;
  readonly #seed: number;
  readonly lateInteraction = new LateInteraction();

  constructor(facts: PoolingFacts, seed: number) {
    this.facts = facts;
    this.#seed = seed;
  }

  /** float32, of shape `[elements]` for a whole prompt and `[rows, elements]` for its tokens. */
  pool(request: PooledRequest): NdArray {
    const { params } = request;
    const seed = mix(this.#seed, request.loraIntId);
    switch (params.task) {
      case 'classify':
        return this.#classify(request, seed);
      case 'token_classify':
        return this.#classifyTokens(request, seed);
      case 'token_embed':
        return this.#embedTokens(request, seed);
      default:
        return this.#embed(request, seed);
    }
  }

  #embed({ promptTokenIds, params }: PooledRequest, seed: number): NdArray {
    const { embeddingSize } = this.facts;
    const vector = promptVector(seed, promptTokenIds, embeddingSize);
    const kept = cutRows(vector, embeddingSize, params.dimensions ?? embeddingSize);
    activateVectors(kept, kept.length, params);
    return float32(kept, [kept.length]);
  }

  #embedTokens({ promptTokenIds, params }: PooledRequest, seed: number): NdArray {
    const { embeddingSize } = this.facts;
    let rows = tokenVectors(seed, promptTokenIds, embeddingSize);
    const chunkSize = params.lateChunkingParams?.chunkSize;
    if (chunkSize !== undefined) rows = meanChunks(rows, embeddingSize, chunkSize);
    const size = Math.min(params.dimensions ?? embeddingSize, embeddingSize);
    rows = cutRows(rows, embeddingSize, size);
    activateVectors(rows, size, params);
    const array = float32(rows, [rows.length / size, size]);
    return this.lateInteraction.afterPooling(params, array);
  }

  #classify({ promptTokenIds, params }: PooledRequest, seed: number): NdArray {
    const { numLabels } = this.facts;
    const hash = hashTokens(seed, promptTokenIds);
    const logits =
      numLabels === 1
        ? Float64Array.of(scoreLogit(promptTokenIds, hash))
        : labelLogits(hash, numLabels);
    this.#activate(logits, params);
    return float32(logits, [numLabels]);
  }

  /** A process reward model has scores of the tokens that end a step alone. */
  #classifyTokens({ promptTokenIds, params }: PooledRequest, seed: number): NdArray {
    const { numLabels } = this.facts;
    const rows: Float64Array[] = [];
    for (const [position, tokenId] of promptTokenIds.entries()) {
      if (params.stepTagId !== null && tokenId !== params.stepTagId) continue;
      const logits = labelLogits(mix(mix(seed, tokenId), position), numLabels);
      this.#activate(logits, params);
      rows.push(logits);
    }
    const all = new Float64Array(rows.length * numLabels);
    for (const [index, row] of rows.entries()) all.set(row, index * numLabels);
    return float32(all, [rows.length, numLabels]);
  }

  #activate(logits: Float64Array, { useActivation }: PoolingParams): void {
    const { pooler, activation } = this.facts;
    const mean = pooler.logitMean ?? 0;
    const sigma = pooler.logitSigma ?? 1;
    for (const [i, logit] of logits.entries()) logits[i] = (logit - mean) / sigma;
    if (useActivation !== true || activation === 'identity') return;
    if (activation === 'softmax') softmax(logits);
    else
      for (const [i, logit] of logits.entries())
        logits[i] = activation === 'tanh' ? Math.tanh(logit) : 1 / (1 + Math.exp(-logit));
  }
}

/** Without normalization elements are about 1, as those of a last norm layer. */
function activateVectors(rows: Float64Array, size: number, { useActivation }: PoolingParams): void {
  normalizeRows(rows, size);
  if (useActivation === true) return;
  const scale = Math.sqrt(size);
  for (let i = 0; i < rows.length; i += 1) rows[i] = (rows[i] ?? 0) * scale;
}

function labelLogits(hash: number, numLabels: number): Float64Array {
  return Float64Array.from(
    { length: numLabels },
    (_, label) => LOGIT_SPREAD * signedUnit(mix(hash, label)),
  );
}

/** A query and a document stand in one prompt: what occurs twice there, they share. */
function scoreLogit(tokenIds: readonly number[], hash: number): number {
  const distinct = new Set(tokenIds).size;
  const shared = tokenIds.length === 0 ? 0 : 2 * (1 - distinct / tokenIds.length);
  return LEAST_SCORE_LOGIT + SHARED_SCORE_LOGIT * Math.min(1, shared) + signedUnit(hash) / 2;
}

function softmax(logits: Float64Array): void {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  let sum = 0;
  for (const [i, logit] of logits.entries()) {
    const power = Math.exp(logit - largest);
    logits[i] = power;
    sum += power;
  }
  for (const [i, power] of logits.entries()) logits[i] = power / sum;
}

function float32(values: Float64Array, shape: readonly number[]): NdArray {
  return { dtype: 'float32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}
