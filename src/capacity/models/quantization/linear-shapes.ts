/**
 * What several methods make of a linear module. Shapes as in each method's create_weights of
 * vllm/model_executor/layers/quantization (0.33.0).
 */
import { cdiv } from '../../../shared/integers.ts';
import type { EmbeddingModule, LinearModule, ParameterShape } from './quantization-config.ts';

export type BlockShape = readonly [rows: number, columns: number];

const FLOAT8 = 'float8_e4m3fn';

/** One scale a projection of the module. */
export function tensorLinear(module: LinearModule, hasInputScale: boolean): ParameterShape[] {
  const projections = module.outputPartitionSizes.length;
  return [
    fp8Weight(module),
    { name: 'weight_scale', shape: [projections], dtype: 'float32' },
    ...(hasInputScale ? [{ name: 'input_scale', shape: [projections], dtype: 'float32' }] : []),
  ];
}

export function blockLinear(
  module: LinearModule,
  [rows, columns]: BlockShape,
  scaleName: string,
  scaleDtype = 'float32',
): ParameterShape[] {
  const blocks = [cdiv(width(module), rows), cdiv(module.inputSizePerPartition, columns)];
  return [fp8Weight(module), { name: scaleName, shape: blocks, dtype: scaleDtype }];
}

export function fp8Weight(module: LinearModule): ParameterShape {
  return { name: 'weight', shape: [width(module), module.inputSizePerPartition], dtype: FLOAT8 };
}

/** Rows of this rank, over all projections. */
export function width(module: LinearModule): number {
  return module.outputPartitionSizes.reduce((sum, size) => sum + size, 0);
}

/** Methods that quantize the LM head treat it as a linear module of one projection. */
export function headAsLinear(module: EmbeddingModule): LinearModule {
  return {
    name: module.name,
    className: module.isLmHead ? 'ParallelLMHead' : 'VocabParallelEmbedding',
    inputSize: module.width,
    outputSize: module.rows,
    inputSizePerPartition: module.width,
    outputPartitionSizes: [module.rowsPerPartition],
    dtype: module.dtype,
  };
}
