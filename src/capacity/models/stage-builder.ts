/**
 * Collects what one tensor-parallel rank of one pipeline stage holds: parameters (StageWeights), and the layers that want a
 * cache, in the order in which vLLM's model class registers them. Families call it; nothing here knows an architecture.
 * Source: vllm/model_executor/layers/attention/*.py, vllm/distributed/utils.py get_pp_indices (0.33.0).
 */
import { isQuantizedCache } from '../spec/dtypes.ts';
import type { AttentionSpec } from '../spec/spec.ts';
import type { AttentionBackend, AttentionType, BackendContext } from './attention/backend.ts';
import { type FlashAttnQuery, getFlashAttnVersion } from './attention/flash-attn-version.ts';
import { selectBackend } from './attention/select.ts';
import { STATE_BACKENDS } from './attention/state-backends.ts';
import type { DeclaredLayer, StateLayer } from './layers.ts';
import type { QuantizationConfig } from './quantization/quantization-config.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { RunConfig, StateShape } from './run-config.ts';
import { StageWeights } from './stage-weights.ts';

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
  /** false: the model class hands no quantization to the layer. */
  readonly quantized?: boolean;
  /** Transformers' modelling code gives all parameters the model's dtype, scales of the cache too. */
  readonly castsScales?: boolean;
  /** A prompt's tokens see each other both ways, but each keeps its keys and values. */
  readonly isPrefixLm?: boolean;
  /** The model class hands the layer no cache_config: neither --kv-cache-dtype nor a model-wide window reach it. */
  readonly ignoresCacheConfig?: boolean;
}

export interface MlaOptions {
  readonly name: string;
  readonly numHeads: number;
  readonly headSize: number;
  readonly topkBufferWidth?: number | null;
  /** Attends to picked tokens only; default: where there is a buffer for them. */
  readonly isSparse?: boolean;
  /** A backend that the layer class names itself. */
  readonly backend?: AttentionBackend;
  /** false: the model class hands no quantization to the layer. */
  readonly quantized?: boolean;
  readonly isIndexGroupLeader?: boolean;
}

export interface StageContext {
  readonly backends: BackendContext;
  readonly quantization: QuantizationConfig | null;
  /** The head for the vocabulary is declared but not built. */
  readonly withoutHead: boolean;
}

export class StageBuilder extends StageWeights {
  readonly run: RunConfig;
  readonly stage: number;
  readonly layers: DeclaredLayer[] = [];
  readonly #model: ResolvedModel;
  #context: BackendContext;
  #isDraft = false;
  /** cache_config.cache_dtype; a sparse MLA backend may rewrite it while layers are built. */
  #cacheDtype: string;

  constructor(model: ResolvedModel, run: RunConfig, context: StageContext, stage: number) {
    super({
      label: model.label,
      dtype: model.dtype,
      tensorParallelSize: run.tensorParallelSize,
      expertParallelSize: run.expertParallelSize,
      quantization: context.quantization,
      withoutHead: context.withoutHead,
    });
    this.#model = model;
    this.run = run;
    this.stage = stage;
    this.#context = context.backends;
    this.#cacheDtype = run.cacheDtype;
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

  /** Layers declared inside belong to the draft model, whose checkpoint may be quantized in another way than the target's. */
  asDraft(build: () => void, quantization?: QuantizationConfig | null): void {
    this.#isDraft = true;
    if (quantization === undefined) build();
    else this.withQuantization(quantization, build);
    this.#isDraft = false;
  }

  /** Takes over what a draft declared on a stage of its own. */
  adopt(draft: StageBuilder): void {
    this.adoptWeights(draft);
    for (const layer of draft.layers) this.layers.push({ ...layer, isDraft: true });
  }

  // Layers with a cache.

  attention(given: AttentionOptions): void {
    const attnType = this.#attnType(given);
    const options = { ...given, attnType };
    const name = this.fullName(options.name);
    const isAlone = options.ignoresCacheConfig === true;
    const ignoresWindow = isAlone || options.ignoresModelWindow === true;
    const slidingWindow =
      options.slidingWindow ?? (ignoresWindow ? null : this.#model.slidingWindow);
    this.#applyCheckpointCacheDtype();
    const cacheDtype = isAlone ? 'auto' : this.#layerCacheDtype(name, slidingWindow !== null);
    const backend = options.backend ?? this.#denseBackend(options, cacheDtype, slidingWindow);
    const scales = {
      name,
      numHeads: this.perRank(options.numHeads, 'the number of attention heads'),
      numKvHeads: this.kvHeadsPerRank(options.numKvHeads),
      headSize: options.headSize,
      isMla: false,
      cacheDtype,
      dtype: this.#model.dtype,
      ...(options.castsScales === true ? { scaleDtype: this.#model.dtype } : {}),
    };
    if (options.quantized !== false) this.cacheScales(scales);
    this.layers.push({
      type: 'attention',
      name,
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
      nonCausal: options.isPrefixLm ?? false,
    });
  }

  /** Classes of decoders read `is_causal`, by which embedding models make encoders of them. */
  #attnType({ attnType }: AttentionOptions): AttentionType {
    const isCausal = this.#model.text.get('is_causal') !== false;
    return attnType ?? (isCausal ? 'decoder' : 'encoder_only');
  }

  #denseBackend(
    options: AttentionOptions,
    cacheDtype: string,
    slidingWindow: number | null,
  ): AttentionBackend {
    // Chunked, cross and encoder-only attention pick a plain backend and wrap it: they do not tell of windows or image spans.
    const isWrapped =
      options.attentionChunkSize != null ||
      options.attnType === 'encoder_decoder' ||
      options.attnType === 'encoder_only';
    return selectBackend(
      {
        headSize: options.headSize,
        dtype: this.#model.dtype,
        cacheDtype: isWrapped ? this.#cacheDtype : cacheDtype,
        useMla: false,
        hasSink: options.hasSink ?? false,
        useSparse: false,
        usePerHeadQuantScales: this.quantization?.hasPerHeadCacheScales === true,
        useMmPrefix: !isWrapped && this.#model.isMmPrefixLm,
        attnType: options.attnType ?? 'decoder',
        hasSlidingWindow: !isWrapped && slidingWindow !== null,
        numHeads: null,
      },
      this.#context,
    );
  }

  mla(options: MlaOptions): void {
    const name = this.fullName(options.name);
    const cacheDtype = this.#layerCacheDtype(name, false);
    const numHeads = this.perRank(options.numHeads, 'the number of attention heads');
    const useSparse = options.isSparse ?? options.topkBufferWidth != null;
    const selected = selectBackend(
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
        numHeads,
      },
      this.#context,
    );
    const backend = options.backend ?? selected;
    const scales = {
      name,
      numHeads,
      numKvHeads: 1,
      headSize: options.headSize,
      isMla: true,
      cacheDtype,
      dtype: this.#model.dtype,
    };
    if (options.quantized !== false) this.cacheScales(scales);
    // vllm/model_executor/layers/attention/mla_attention.py _canonicalize_sparse_mla_kv_cache_dtype
    const rewrites =
      backend.name === 'FLASHMLA_SPARSE' &&
      isQuantizedCache(cacheDtype) &&
      cacheDtype !== 'nvfp4_ds_mla';
    if (rewrites) this.#cacheDtype = 'fp8_ds_mla';
    this.layers.push({
      type: 'mla',
      name,
      backend,
      isDraft: this.#isDraft,
      headSize: options.headSize,
      cacheDtype: rewrites ? 'fp8_ds_mla' : cacheDtype,
      topkBufferWidth: options.topkBufferWidth ?? null,
      isIndexGroupLeader: options.isIndexGroupLeader ?? false,
    });
  }

  /** `backend`: of a layer class that has one of its own. */
  state(
    name: string,
    state: StateShape,
    checkpoints: StateLayer['checkpoints'] = 'none',
    backend: AttentionBackend = STATE_BACKENDS[state.mambaType],
  ): void {
    this.layers.push({
      type: 'state',
      name: this.fullName(name),
      backend,
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
    const fullName = this.fullName(name);
    this.layers.push({ type: 'custom', name: fullName, backend, isDraft: this.#isDraft, spec });
  }

  /** A checkpoint's scheme of the cache makes something of `auto`. Source: attention.py Attention.__init__. */
  #applyCheckpointCacheDtype(): void {
    const said = this.quantization?.attentionCacheDtype ?? null;
    if (this.#cacheDtype !== 'auto' || said === null) return;
    this.#cacheDtype = said;
    this.#context = { ...this.#context, runCacheDtype: said };
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
  if (options.isPrefixLm === true) {
    return { ...backend, className: `EncoderOnlyAttention_${backend.className}` };
  }
  if (options.attnType === 'encoder_decoder') {
    return { ...backend, className: `CrossAttention_${backend.className}` };
  }
  if (options.attnType === 'encoder_only') {
    return { ...backend, className: `EncoderOnlyAttention_${backend.className}` };
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
