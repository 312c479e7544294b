/**
 * Collects the parameters that one tensor-parallel rank of one pipeline stage holds, module by module under vLLM's names, as
 * vLLM's layer classes allocate them; a quantization method says what it makes of a module. Sizes that are handed in are the whole
 * model's; each method takes this rank's part.
 * Source: vllm/model_executor/layers/{linear,vocab_parallel_embedding}.py,
 * vllm/model_executor/layers/fused_moe/{layer,unquantized_fused_moe_method}.py (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import { roundUp } from '../../shared/integers.ts';
import { dtypeBytes } from '../spec/dtypes.ts';
import { contradiction } from './hf-config.ts';
import type {
  AttentionModule,
  ExpertsModule,
  LinearModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization/quantization-config.ts';

/** Vocabularies are padded to a multiple of this. Source: vocab_parallel_embedding.py DEFAULT_VOCAB_PADDING_SIZE. */
const VOCAB_PADDING = 64;

export interface ModuleOptions {
  readonly bias?: boolean;
  /** Of the weights; the model's where absent. */
  readonly dtype?: string;
  /** false: the model class hands no quantization to this module. */
  readonly quantized?: boolean;
}

export interface LinearOptions extends ModuleOptions {
  /** false: every rank holds the whole module (disable_tp). */
  readonly split?: boolean;
}

export interface QkvModule {
  readonly hiddenSize: number;
  readonly headSize: number;
  readonly headSizeV?: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly bias?: boolean;
  readonly quantized?: boolean;
  readonly dtype?: string;
}

export interface ExpertsOptions {
  readonly count: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly bias?: boolean;
  /** false: one projection in instead of gate and up. */
  readonly gated?: boolean;
  readonly activation?: string;
  readonly quantized?: boolean;
  /** ckpt_names: gate, down and up; default: `gate_proj`, `down_proj`, `up_proj`. */
  readonly checkpointNames?: readonly [gate: string, down: string, up: string | null];
}

export interface EmbeddingOptions extends ModuleOptions {
  /** false: every rank holds all rows. */
  readonly split?: boolean;
  /** Other than 64. */
  readonly paddingSize?: number;
}

/** One tensor of this rank, by its full name: `model.layers.0.self_attn.qkv_proj.weight`. */
export type Parameter = ParameterShape;

export interface WeightsContext {
  /** For messages. */
  readonly label: string;
  readonly dtype: string;
  readonly tensorParallelSize: number;
  /** Ranks over which whole experts are spread; 1: each rank holds a slice of every expert. */
  readonly expertParallelSize: number;
  readonly quantization: QuantizationConfig | null;
  /** The head for the vocabulary is taken off once the model is built: an adapter makes a pooling model of it. */
  readonly withoutHead: boolean;
}

export class StageWeights {
  /** Tensor-parallel size. */
  readonly tp: number;
  readonly parameters: Parameter[] = [];
  readonly #context: WeightsContext;
  #quantization: QuantizationConfig | null;
  /** What is made of every name that is declared. */
  #rename = (name: string): string => name;
  #weightsBytes = 0;
  #parameterCount = 0;
  #plainBytes = 0;

  constructor(context: WeightsContext) {
    this.#context = context;
    this.tp = context.tensorParallelSize;
    this.#quantization = context.quantization;
  }

  get weightsBytes(): number {
    return this.#weightsBytes;
  }

  /** Elements of all weights of this rank as they were before they were quantized. */
  get parameterCount(): number {
    return this.#parameterCount;
  }

  /** Bytes that the same modules take unquantized. */
  get plainBytes(): number {
    return this.#plainBytes;
  }

  /** vLLM's get_name() of the method; classes build some modules in another way because of it. */
  get quantizationName(): string | null {
    return this.#quantization?.name ?? null;
  }

  /** How the modules that are built at the moment are quantized. */
  protected get quantization(): QuantizationConfig | null {
    return this.#quantization;
  }

  /** Modules built inside are quantized in another way, as a draft with a checkpoint of its own. */
  withQuantization(quantization: QuantizationConfig | null, build: () => void): void {
    const outer = this.#quantization;
    this.#quantization = quantization;
    build();
    this.#quantization = outer;
  }

  /** Modules and layers built inside are part of the module `name`: a language model within a multimodal one. */
  within(name: string, build: () => void): void {
    this.renaming((inner) => `${name}.${inner}`, build);
  }

  /** Modules and layers built inside are called otherwise in the whole model. */
  renaming(rename: (name: string) => string, build: () => void): void {
    const outer = this.#rename;
    this.#rename = (name) => outer(rename(name));
    build();
    this.#rename = outer;
  }

  /** Takes over the parameters of another stage. */
  protected adoptWeights(other: StageWeights): void {
    this.parameters.push(...other.parameters);
    this.#weightsBytes += other.weightsBytes;
    this.#parameterCount += other.parameterCount;
    this.#plainBytes += other.plainBytes;
  }

  /** The full name of a module that is declared as `name` here. */
  protected fullName(name: string): string {
    return this.#rename(name);
  }

  /** `size` split over the ranks; vLLM's `divide`. */
  perRank(size: number, what: string): number {
    if (!Number.isSafeInteger(size)) {
      throw contradiction(this.#context.label, `${what} would have no whole size`);
    }
    if (size % this.tp !== 0) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `${this.#context.label}: ${what} ${size} is not divisible by --tensor-parallel-size ${this.tp}`,
      );
    }
    return size / this.tp;
  }

  kvHeadsPerRank(numKvHeads: number): number {
    return Math.max(1, Math.floor(numKvHeads / this.tp));
  }

  /** A parameter by its full name, as it stands. */
  tensor(name: string, shape: readonly number[], dtype: string = this.#context.dtype): void {
    const plain = [{ name: this.fullName(name), shape, dtype }];
    this.#take('', plain, plain);
  }

  /** A weight vector, and a bias of the same length if asked. */
  norm(name: string, size: number, options: ModuleOptions = {}): void {
    this.tensor(`${name}.weight`, [size], options.dtype);
    if (options.bias === true) this.tensor(`${name}.bias`, [size], options.dtype);
  }

  /** ReplicatedLinear: every rank holds all of it. */
  replicated(
    name: string,
    input: number,
    output: number | readonly number[],
    options: ModuleOptions = {},
  ): void {
    const outputs = typeof output === 'number' ? [output] : output;
    const className = 'ReplicatedLinear';
    this.#linear(name, { input, output: sum(outputs), inputs: input, outputs, className }, options);
  }

  /** ColumnParallelLinear and MergedColumnParallelLinear: the outputs are split. */
  column(
    name: string,
    input: number,
    output: number | readonly number[],
    options: LinearOptions = {},
  ): void {
    const whole = typeof output === 'number' ? [output] : output;
    if (options.split === false) {
      this.replicated(name, input, whole, options);
      return;
    }
    const outputs = whole.map((size) => this.perRank(size, `${name}: a projection of width`));
    const className = whole.length > 1 ? 'MergedColumnParallelLinear' : 'ColumnParallelLinear';
    this.#linear(name, { input, output: sum(whole), inputs: input, outputs, className }, options);
  }

  /** RowParallelLinear: the inputs are split, the bias is not. */
  row(name: string, input: number, output: number, options: LinearOptions = {}): void {
    const inputs =
      options.split === false ? input : this.perRank(input, `${name}: a projection of width`);
    const className = 'RowParallelLinear';
    this.#linear(name, { input, output, inputs, outputs: [output], className }, options);
  }

  /** QKVParallelLinear: heads are split, key and value heads replicated when there are too few. */
  qkv(name: string, about: QkvModule): void {
    const { hiddenSize, headSize } = about;
    const headSizeV = about.headSizeV ?? headSize;
    const heads = this.perRank(about.numHeads, 'the number of attention heads');
    const kvHeads = this.kvHeadsPerRank(about.numKvHeads);
    const outputs = [heads * headSize, kvHeads * headSize, kvHeads * headSizeV];
    const output = sum(outputs) * this.tp;
    const className = 'QKVParallelLinear';
    this.#linear(
      name,
      { input: hiddenSize, output, inputs: hiddenSize, outputs, className },
      about,
    );
  }

  #linear(
    name: string,
    sizes: {
      readonly input: number;
      readonly output: number;
      readonly inputs: number;
      readonly outputs: readonly number[];
      readonly className: string;
    },
    options: ModuleOptions,
  ): void {
    const dtype = options.dtype ?? this.#context.dtype;
    const width = sum(sizes.outputs);
    const plain: ParameterShape[] = [{ name: 'weight', shape: [width, sizes.inputs], dtype }];
    const bias: ParameterShape[] =
      options.bias === true ? [{ name: 'bias', shape: [width], dtype }] : [];
    const module: LinearModule = {
      name: this.fullName(name),
      className: sizes.className,
      inputSize: sizes.input,
      outputSize: sizes.output,
      inputSizePerPartition: sizes.inputs,
      outputPartitionSizes: sizes.outputs,
      dtype,
    };
    const quantized = options.quantized === false ? null : this.#quantization?.linear(module);
    this.#take(module.name, [...(quantized ?? plain), ...bias], [...plain, ...bias]);
  }

  /** VocabParallelEmbedding. */
  embedding(name: string, vocabSize: number, width: number, options: EmbeddingOptions = {}): void {
    this.#vocabulary(name, { vocabSize, width, isLmHead: false }, options);
  }

  /** ParallelLMHead. */
  lmHead(name: string, vocabSize: number, width: number, options: EmbeddingOptions = {}): void {
    if (this.#context.withoutHead) return;
    this.#vocabulary(name, { vocabSize, width, isLmHead: true }, options);
  }

  /** A ParallelLMHead that shares the embedding's weight, and nothing else that its quantization gave it. */
  tiedLmHead(name: string, vocabSize: number, width: number): void {
    if (this.#context.withoutHead) return;
    this.#vocabulary(name, { vocabSize, width, isLmHead: true, isTied: true }, {});
  }

  #vocabulary(
    name: string,
    about: {
      readonly vocabSize: number;
      readonly width: number;
      readonly isLmHead: boolean;
      readonly isTied?: true;
    },
    options: EmbeddingOptions,
  ): void {
    const { width, isLmHead, isTied } = about;
    const rows = roundUp(about.vocabSize, options.paddingSize ?? VOCAB_PADDING);
    const rowsPerPartition =
      options.split === false ? rows : this.perRank(rows, 'the padded vocabulary');
    const dtype = options.dtype ?? this.#context.dtype;
    const plain: ParameterShape[] = [{ name: 'weight', shape: [rowsPerPartition, width], dtype }];
    const bias: ParameterShape[] =
      options.bias === true ? [{ name: 'bias', shape: [rowsPerPartition], dtype }] : [];
    const module = { name: this.fullName(name), isLmHead, rowsPerPartition, rows, width, dtype };
    const quantized = options.quantized === false ? null : this.#quantization?.embedding(module);
    if (isTied) {
      const remaining = (quantized ?? []).filter((parameter) => parameter.name !== 'weight');
      this.#take(module.name, remaining, []);
      return;
    }
    this.#take(module.name, [...(quantized ?? plain), ...bias], [...plain, ...bias]);
  }

  /** `gate_up_proj` and `down_proj` of the module `name`. */
  gatedMlp(
    name: string,
    hiddenSize: number,
    intermediateSize: number,
    options: LinearOptions = {},
  ): void {
    const inwards = [intermediateSize, intermediateSize];
    this.column(`${name}.gate_up_proj`, hiddenSize, inwards, options);
    this.row(`${name}.down_proj`, intermediateSize, hiddenSize, options);
  }

  /** FusedMoE: a slice of every expert, or whole experts where they are spread over the ranks. */
  experts(name: string, about: ExpertsOptions): void {
    const ep = this.#context.expertParallelSize;
    const { hiddenSize, intermediateSize } = about;
    const dtype = this.#context.dtype;
    const isGated = about.gated !== false;
    const hasBias = about.bias === true;
    const width =
      ep > 1 ? intermediateSize : this.perRank(intermediateSize, 'the expert intermediate size');
    // The first ranks hold one more where the experts do not divide. Source: fused_moe/layer.py determine_expert_map.
    const local = Math.ceil(about.count / ep);
    const module: ExpertsModule = {
      name: this.fullName(name),
      checkpointNames: about.checkpointNames ?? ['gate_proj', 'down_proj', 'up_proj'],
      localNumExperts: local,
      numExperts: about.count,
      hiddenSize,
      intermediateSize,
      intermediateSizePerPartition: width,
      isGated,
      hasBias,
      activation: about.activation ?? 'silu',
      dtype,
    };
    const inwards = isGated ? 2 * width : width;
    const plain: ParameterShape[] = [
      { name: 'w13_weight', shape: [local, inwards, hiddenSize], dtype },
      { name: 'w2_weight', shape: [local, hiddenSize, width], dtype },
    ];
    if (hasBias) {
      plain.push({ name: 'w13_bias', shape: [local, inwards], dtype });
      plain.push({ name: 'w2_bias', shape: [local, hiddenSize], dtype });
    }
    const quantized = about.quantized === false ? null : this.#quantization?.experts(module);
    this.#take(`${module.name}.routed_experts`, quantized ?? plain, plain);
  }

  /** Scales beside a layer's cache. */
  protected cacheScales(module: AttentionModule): void {
    const scales = this.#quantization?.attention(module) ?? [];
    this.#take(module.name, scales, []);
  }

  #take(module: string, kept: readonly ParameterShape[], plain: readonly ParameterShape[]): void {
    for (const { name, shape, dtype } of kept) {
      this.parameters.push({ name: module === '' ? name : `${module}.${name}`, shape, dtype });
      this.#weightsBytes += elements(shape) * dtypeBytes(dtype);
    }
    for (const { shape, dtype } of plain) {
      this.#parameterCount += elements(shape);
      this.#plainBytes += elements(shape) * dtypeBytes(dtype);
    }
  }
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
