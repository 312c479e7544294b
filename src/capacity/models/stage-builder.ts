/**
 * Collects what one tensor-parallel rank of one pipeline stage holds: parameters, counted as vLLM's layer classes allocate
 * them, and the layers that want a cache, in the order in which vLLM's model class registers them. Families call it;
 * nothing here knows an architecture. Source: vllm/model_executor/layers/{linear,vocab_parallel_embedding}.py,
 * vllm/model_executor/layers/attention/*.py, vllm/distributed/utils.py get_pp_indices (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import { roundUp } from '../../shared/integers.ts';
import { dtypeBytes, isQuantizedCache } from '../spec/dtypes.ts';
import type { AttentionSpec } from '../spec/spec.ts';
import type { AttentionBackend, AttentionType, BackendContext } from './attention/backend.ts';
import { type FlashAttnQuery, getFlashAttnVersion } from './attention/flash-attn-version.ts';
import { selectBackend } from './attention/select.ts';
import { STATE_BACKENDS } from './attention/state-backends.ts';
import type { DeclaredLayer, StateLayer } from './layers.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { RunConfig, StateShape } from './run-config.ts';

/** Vocabularies are padded to a multiple of this. Source: vocab_parallel_embedding.py DEFAULT_VOCAB_PADDING_SIZE. */
const VOCAB_PADDING = 64;

export interface LinearOptions {
  readonly bias?: boolean;
  readonly dtype?: string;
}

export interface AttentionOptions {
  readonly name: string;
  /** Of the whole model, as the config.json says. */
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly headSizeV?: number;
  /** undefined or null: the model-wide window, if any. */
  readonly slidingWindow?: number | null;
  readonly attentionChunkSize?: number | null;
  readonly hasSink?: boolean;
  readonly attnType?: AttentionType;
  readonly sharesCache?: boolean;
  /** A backend that the layer class names itself. */
  readonly backend?: AttentionBackend;
  /** The model class clears the model-wide window. */
  readonly ignoresModelWindow?: boolean;
}

export interface MlaOptions {
  readonly name: string;
  readonly numHeads: number;
  readonly headSize: number;
  readonly topkBufferWidth?: number | null;
  readonly isIndexGroupLeader?: boolean;
}

export class StageBuilder {
  readonly run: RunConfig;
  /** Tensor-parallel size. */
  readonly tp: number;
  readonly stage: number;
  readonly layers: DeclaredLayer[] = [];
  readonly #model: ResolvedModel;
  readonly #context: BackendContext;
  #weightsBytes = 0;
  #parameterCount = 0;
  #isDraft = false;
  /** cache_config.cache_dtype; a sparse MLA backend may rewrite it while layers are built. */
  #cacheDtype: string;

  constructor(model: ResolvedModel, run: RunConfig, context: BackendContext, stage: number) {
    this.#model = model;
    this.run = run;
    this.tp = run.tensorParallelSize;
    this.stage = stage;
    this.#context = context;
    this.#cacheDtype = run.cacheDtype;
  }

  get weightsBytes(): number {
    return this.#weightsBytes;
  }

  /** Elements of all parameters of this rank. */
  get parameterCount(): number {
    return this.#parameterCount;
  }

  get cacheDtype(): string {
    return this.#cacheDtype;
  }

  /** A model class that stores its cache in a format of its own rewrites cache_config.cache_dtype. */
  setCacheDtype(cacheDtype: string): void {
    this.#cacheDtype = cacheDtype;
  }

  get isFirst(): boolean {
    return this.stage === 0;
  }

  get isLast(): boolean {
    return this.stage === this.run.pipelineParallelSize - 1;
  }

  /** The stage's layer indices of `numLayers`. Source: vllm/distributed/utils.py get_pp_indices. */
  layerRange(numLayers: number): number[] {
    const [start, end] = pipelineRange(numLayers, this.stage, this.run.pipelineParallelSize);
    return Array.from({ length: end - start }, (_, index) => start + index);
  }

  /** Layers declared inside belong to the draft model. */
  asDraft(build: () => void): void {
    this.#isDraft = true;
    build();
    this.#isDraft = false;
  }

  /** `size` split over the ranks; vLLM's `divide`. */
  perRank(size: number, what: string): number {
    if (size % this.tp !== 0) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `${this.#model.label}: ${what} ${size} is not divisible by --tensor-parallel-size ${this.tp}`,
      );
    }
    return size / this.tp;
  }

  kvHeadsPerRank(numKvHeads: number): number {
    return Math.max(1, Math.floor(numKvHeads / this.tp));
  }

  // Parameters. Sizes are the whole model's; each method counts this rank's part.

  tensor(elements: number, dtype: string = this.#model.dtype): void {
    this.#parameterCount += elements;
    this.#weightsBytes += elements * dtypeBytes(dtype);
  }

  /** A weight vector, and a bias of the same length if asked. */
  norm(size: number, options: LinearOptions = {}): void {
    this.tensor(options.bias === true ? 2 * size : size, options.dtype);
  }

  replicated(input: number, output: number, options: LinearOptions = {}): void {
    this.tensor(input * output + (options.bias === true ? output : 0), options.dtype);
  }

  /** ColumnParallelLinear: the outputs are split. */
  column(input: number, output: number, options: LinearOptions = {}): void {
    this.replicated(input, this.perRank(output, 'a projection of width'), options);
  }

  /** RowParallelLinear: the inputs are split, the bias is not. */
  row(input: number, output: number, options: LinearOptions = {}): void {
    this.replicated(this.perRank(input, 'a projection of width'), output, options);
  }

  /** QKVParallelLinear: heads are split, key and value heads replicated when there are too few. */
  qkv(about: {
    readonly hiddenSize: number;
    readonly headSize: number;
    readonly headSizeV?: number;
    readonly numHeads: number;
    readonly numKvHeads: number;
    readonly bias?: boolean;
  }): void {
    const heads = this.perRank(about.numHeads, 'the number of attention heads');
    const kvHeads = this.kvHeadsPerRank(about.numKvHeads);
    const headSizeV = about.headSizeV ?? about.headSize;
    const output = heads * about.headSize + kvHeads * (about.headSize + headSizeV);
    this.replicated(about.hiddenSize, output, { bias: about.bias ?? false });
  }

  /** VocabParallelEmbedding or ParallelLMHead. */
  embedding(vocabSize: number, width: number, options: LinearOptions = {}): void {
    const rows = this.perRank(roundUp(vocabSize, VOCAB_PADDING), 'the padded vocabulary');
    this.tensor(rows * width + (options.bias === true ? rows : 0), options.dtype);
  }

  gatedMlp(hiddenSize: number, intermediateSize: number, options: LinearOptions = {}): void {
    this.column(hiddenSize, 2 * intermediateSize, options);
    this.row(intermediateSize, hiddenSize, options);
  }

  /** FusedMoE: every rank holds a slice of every expert. */
  experts(about: {
    readonly count: number;
    readonly hiddenSize: number;
    readonly intermediateSize: number;
    readonly bias?: boolean;
    /** One projection in instead of gate and up. */
    readonly gated?: boolean;
  }): void {
    const width = this.perRank(about.intermediateSize, 'the expert intermediate size');
    const inputs = about.gated === false ? width : 2 * width;
    this.tensor(about.count * (inputs + width) * about.hiddenSize);
    if (about.bias === true) this.tensor(about.count * (inputs + about.hiddenSize));
  }

  // Layers with a cache.

  attention(options: AttentionOptions): void {
    const modelWindow = options.ignoresModelWindow === true ? null : this.#model.slidingWindow;
    const slidingWindow = options.slidingWindow ?? modelWindow;
    const cacheDtype = this.#layerCacheDtype(options.name, slidingWindow !== null);
    const attnType = options.attnType ?? 'decoder';
    const backend = options.backend ?? this.#denseBackend(options, cacheDtype, slidingWindow);
    this.layers.push({
      type: 'attention',
      name: options.name,
      backend: withPrefix(backend, options),
      isDraft: this.#isDraft,
      attnType,
      numKvHeads: this.kvHeadsPerRank(options.numKvHeads),
      headSize: options.headSize,
      headSizeV: options.headSizeV ?? options.headSize,
      slidingWindow,
      attentionChunkSize: options.attentionChunkSize ?? null,
      cacheDtype,
      sharesCache: options.sharesCache ?? false,
    });
  }

  #denseBackend(
    options: AttentionOptions,
    cacheDtype: string,
    slidingWindow: number | null,
  ): AttentionBackend {
    // Chunked and cross attention pick a plain backend and wrap it: they do not tell of windows or image spans.
    const isWrapped = options.attentionChunkSize != null || options.attnType === 'encoder_decoder';
    return selectBackend(
      {
        headSize: options.headSize,
        dtype: this.#model.dtype,
        cacheDtype: isWrapped ? this.#cacheDtype : cacheDtype,
        useMla: false,
        hasSink: options.hasSink ?? false,
        useSparse: false,
        useMmPrefix: !isWrapped && this.#model.isMmPrefixLm,
        attnType: options.attnType ?? 'decoder',
        hasSlidingWindow: !isWrapped && slidingWindow !== null,
        numHeads: null,
      },
      this.#context,
    );
  }

  mla(options: MlaOptions): void {
    const cacheDtype = this.#layerCacheDtype(options.name, false);
    const useSparse = options.topkBufferWidth != null;
    const backend = selectBackend(
      {
        headSize: options.headSize,
        dtype: this.#model.dtype,
        cacheDtype,
        useMla: true,
        hasSink: false,
        useSparse,
        useMmPrefix: false,
        attnType: 'decoder',
        hasSlidingWindow: false,
        numHeads: this.perRank(options.numHeads, 'the number of attention heads'),
      },
      this.#context,
    );
    // vllm/model_executor/layers/attention/mla_attention.py _canonicalize_sparse_mla_kv_cache_dtype
    const rewrites =
      backend.name === 'FLASHMLA_SPARSE' &&
      isQuantizedCache(cacheDtype) &&
      cacheDtype !== 'nvfp4_ds_mla';
    if (rewrites) this.#cacheDtype = 'fp8_ds_mla';
    this.layers.push({
      type: 'mla',
      name: options.name,
      backend,
      isDraft: this.#isDraft,
      headSize: options.headSize,
      cacheDtype: rewrites ? 'fp8_ds_mla' : cacheDtype,
      topkBufferWidth: options.topkBufferWidth ?? null,
      isIndexGroupLeader: options.isIndexGroupLeader ?? false,
    });
  }

  state(name: string, state: StateShape, checkpoints: StateLayer['checkpoints'] = 'none'): void {
    this.layers.push({
      type: 'state',
      name,
      backend: STATE_BACKENDS[state.mambaType],
      isDraft: this.#isDraft,
      state,
      checkpoints,
    });
  }

  /** Which FlashAttention a layer would get here; for classes that choose their backend by it. */
  flashAttnVersion(query: FlashAttnQuery): number | null {
    return getFlashAttnVersion(query, this.#context);
  }

  custom(
    name: string,
    backend: AttentionBackend,
    spec: (blockSize: number) => AttentionSpec,
  ): void {
    this.layers.push({ type: 'custom', name, backend, isDraft: this.#isDraft, spec });
  }

  /** --kv-cache-dtype, unless the layer is skipped by index or by its window. Source: attention.py Attention.__init__. */
  #layerCacheDtype(name: string, hasSlidingWindow: boolean): string {
    const { skipLayers } = this.run;
    if (skipLayers.length === 0) return this.#cacheDtype;
    if (hasSlidingWindow && skipLayers.includes('sliding_window')) return 'auto';
    const index = name.split('.').find((part) => /^\d+$/.test(part));
    return index !== undefined && skipLayers.includes(index) ? 'auto' : this.#cacheDtype;
  }
}

/** Chunked and cross attention subclass the backend they run on, and say so in the class name. */
function withPrefix(backend: AttentionBackend, options: AttentionOptions): AttentionBackend {
  if (options.attentionChunkSize != null) {
    const className = `ChunkedLocalAttention_${options.attentionChunkSize}_${backend.className}`;
    return { ...backend, className };
  }
  if (options.attnType === 'encoder_decoder') {
    return { ...backend, className: `CrossAttention_${backend.className}` };
  }
  return backend;
}

/** [start, end) of a stage; leftover layers go to the stages before the last. Source: get_pp_indices. */
export function pipelineRange(numLayers: number, stage: number, stages: number): [number, number] {
  const sizes = Array.from({ length: stages }, () => Math.floor(numLayers / stages));
  const remaining = numLayers % stages;
  for (let back = 2; back < remaining + 2; back++) {
    const index = stages - back;
    sizes[index] = (sizes[index] ?? 0) + 1;
  }
  const start = sizes.slice(0, stage).reduce((sum, size) => sum + size, 0);
  return [start, start + (sizes[stage] ?? 0)];
}
