/**
 * `fp8`: eight-bit weights with one scale a projection or one a block.
 * Source: vllm/model_executor/layers/quantization/fp8.py Fp8Config, utils/fp8_utils.py validate_fp8_block_shape (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import { expertBiases, expertBlockScales, expertWeights, tensorExperts } from './expert-shapes.ts';
import { kvCacheScales } from './kv-cache-scales.ts';
import { type BlockShape, blockLinear, tensorLinear, width } from './linear-shapes.ts';
import { isLayerSkipped, namesInVllm } from './module-names.ts';
import { mxfp4Experts } from './mxfp4-experts.ts';
import type {
  ExpertsModule,
  LinearModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { refuseCheckpoint, refuseShape } from './refusals.ts';

export interface Fp8Settings {
  readonly isStatic: boolean;
  readonly ignored: readonly string[];
  readonly block: BlockShape | null;
  /** The experts stay in another format: `mxfp4`. */
  readonly storeDtype: string | null;
  /** Of the scales of linear modules' blocks, where it is not float32. */
  readonly scaleDtype?: string;
}

export const FP8: QuantizationMethod = {
  minCapability: 75,
  dtypes: ['bfloat16', 'float16'],
  fromCheckpoint: (checkpoint, context) => fp8Config(readFp8(checkpoint), context),
};

export function readFp8(checkpoint: HfConfig): Fp8Settings {
  const scheme = checkpoint.str('activation_scheme');
  if (scheme !== 'static' && scheme !== 'dynamic') {
    refuseCheckpoint(`Unsupported activation scheme ${scheme}`);
  }
  const listed = namesOr(checkpoint, 'ignored_layers');
  const ignored = listed.length > 0 ? listed : namesOr(checkpoint, 'modules_to_not_convert');
  const block = checkpoint.has('weight_block_size')
    ? blockShape(checkpoint.numbers('weight_block_size'))
    : null;
  if (block !== null && scheme === 'static') {
    refuseCheckpoint(
      'The block-wise quantization only supports dynamic activation scheme for now, but got static activation scheme.',
    );
  }
  return {
    isStatic: scheme === 'static',
    ignored,
    block,
    storeDtype: checkpoint.strOr('store_dtype', null),
  };
}

export function namesOr(checkpoint: HfConfig, key: string): readonly string[] {
  return checkpoint.has(key) ? checkpoint.strings(key) : [];
}

function blockShape(sizes: readonly number[]): BlockShape {
  const [rows, columns, ...more] = sizes;
  if (rows === undefined || columns === undefined || more.length > 0) {
    refuseCheckpoint(
      `The quantization block size of weight must have 2 dimensions, but got ${sizes.length} dimensions`,
    );
  }
  return [rows, columns];
}

export function fp8Config(settings: Fp8Settings, context: QuantizationContext): QuantizationConfig {
  const { block, isStatic } = settings;
  const ignored = namesInVllm(settings.ignored, context);
  const isSkipped = (name: string): boolean => isLayerSkipped(name, ignored, context.packedModules);
  const scales = block === null ? 'one scale a projection' : `blocks of ${block.join('×')}`;
  return {
    name: 'fp8',
    description: `FP8, ${scales}, ${isStatic ? 'static' : 'dynamic'} activations`,
    linear(module) {
      if (isSkipped(module.name)) return null;
      if (block === null) return tensorLinear(module, isStatic);
      checkBlockShape(module, block, context.tensorParallelSize);
      return blockLinear(module, block, 'weight_scale_inv', settings.scaleDtype);
    },
    experts(module) {
      if (isSkipped(module.name)) return null;
      if (settings.storeDtype === 'mxfp4') return mxfp4Experts(module, context);
      return block === null
        ? tensorExperts(module, isStatic)
        : blockExperts(module, block, context);
    },
    embedding: () => null,
    attention: (module) => (module.isMla ? [] : kvCacheScales(module)),
    attentionCacheDtype: null,
  };
}

/**
 * Throws E_BAD_FLAG where a rank's part of the module is not whole blocks. Column-parallel modules of several projections are
 * let pass as they are (`allow_fp8_block_shape_mismatch`).
 */
export function checkBlockShape(
  module: LinearModule,
  [rows, columns]: BlockShape,
  tensorParallelSize: number,
  allowsMismatch = true,
): void {
  const { inputSize, inputSizePerPartition, outputSize, outputPartitionSizes } = module;
  const isMerged = outputPartitionSizes.length > 1;
  const isColumnParallel = !['ReplicatedLinear', 'RowParallelLinear'].includes(module.className);
  const isMismatch = outputPartitionSizes.some((size) => size % rows !== 0);
  if (allowsMismatch && isColumnParallel && isMerged && isMismatch) return;
  const isSplit = (whole: number, part: number): boolean =>
    tensorParallelSize > 1 && Math.floor(whole / part) === tensorParallelSize;
  if (isSplit(inputSize, inputSizePerPartition) && inputSizePerPartition % columns !== 0) {
    refuseShape(
      `Weight input_size_per_partition = ${inputSizePerPartition} is not divisible by weight quantization block_k = ${columns}.`,
    );
  }
  const isOutputSplit = isSplit(outputSize, width(module));
  if (!isOutputSplit && !isMerged) return;
  const checked = isOutputSplit ? outputPartitionSizes : outputPartitionSizes.slice(0, -1);
  for (const size of checked) {
    if (size % rows === 0) continue;
    refuseShape(
      `Weight output_partition_size = ${size} is not divisible by weight quantization block_n = ${rows}.`,
    );
  }
}

/** Blocks that a rank's part does not consist of are made smaller, where a smaller one divides everything. */
export function blockExperts(
  module: ExpertsModule,
  [rows, columns]: BlockShape,
  { tensorParallelSize, expertParallelSize }: QuantizationContext,
): ParameterShape[] {
  const size = module.intermediateSizePerPartition;
  const isSplit = tensorParallelSize > 1 && expertParallelSize === 1;
  const needsFiner = size % rows !== 0 || (isSplit && size % columns !== 0);
  const finer = [rows, columns, size, module.hiddenSize].reduce(greatestCommonDivisor);
  const isFiner = needsFiner && finer >= SMALLEST_BLOCK;
  if (!isFiner) checkExpertsShape(module, [rows, columns], tensorParallelSize);
  return [
    ...expertWeights(module, 'float8_e4m3fn'),
    ...expertBiases(module),
    ...expertBlockScales(module, isFiner ? [finer, finer] : [rows, columns], 'weight_scale_inv'),
  ];
}

/** Source: fused_moe/oracle/fp8.py refine_fp8_moe_block_shape. */
const SMALLEST_BLOCK = 32;

/** Throws E_BAD_FLAG where a rank's part of an expert is not whole blocks. Source: validate_fp8_block_shape_moe. */
export function checkExpertsShape(
  { intermediateSizePerPartition: size }: ExpertsModule,
  [rows, columns]: BlockShape,
  tensorParallelSize: number,
): void {
  if (size % rows !== 0) {
    refuseShape(
      `The output_size of gate's and up's weight = ${size} is not divisible by weight quantization block_n = ${rows}.`,
    );
  }
  if (tensorParallelSize > 1 && size % columns !== 0) {
    refuseShape(
      `The input_size of down's weight = ${size} is not divisible by weight quantization block_k = ${columns}.`,
    );
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
