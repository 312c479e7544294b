/**
 * Experts in MXFP4: two weights a byte and a scale for each 32, in sizes that the card's kernel asks for.
 * Source: vllm/model_executor/layers/quantization/mxfp4.py GptOssMxfp4MoEMethod, Mxfp4MoEMethod,
 * vllm/model_executor/layers/fused_moe/oracle/mxfp4.py select_mxfp4_moe_backend,
 * mxfp4_round_up_hidden_size_and_intermediate_size (0.33.0). Leaves out: --moe-backend, ROCm's kernels.
 */
import { roundUp } from '../../../shared/integers.ts';
import type { ComputeCapability } from '../attention/backend.ts';
import { expertBiases, fp4Experts } from './expert-shapes.ts';
import type { ExpertsModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationContext } from './quantization-method.ts';

const BLOCK = 32;

/** Multiples that a kernel wants of an expert's sizes. */
interface Alignment {
  readonly hidden: number;
  readonly intermediate: number;
}

const MARLIN: Alignment = { hidden: 256, intermediate: 128 };
const FLASHINFER_TRTLLM: Alignment = { hidden: 256, intermediate: 128 };
const FLASHINFER_CUTLASS: Alignment = { hidden: 128, intermediate: 128 };
const TRITON_OR_HUMMING: Alignment = { hidden: 1, intermediate: 64 };

/** Of gpt-oss checkpoints. */
export function gptOssMxfp4Experts(
  module: ExpertsModule,
  { capability }: QuantizationContext,
): ParameterShape[] {
  return alignedExperts(module, gptOssAlignment(capability, module.activation));
}

/** Of all others. */
export function mxfp4Experts(
  module: ExpertsModule,
  { capability }: QuantizationContext,
): ParameterShape[] {
  return alignedExperts(module, generalAlignment(capability));
}

export function gptOssAlignment({ major }: ComputeCapability, activation: string): Alignment {
  if (major === 10) return FLASHINFER_TRTLLM;
  if (major === 9) return activation === 'swigluoai' ? TRITON_OR_HUMMING : FLASHINFER_CUTLASS;
  if (major === 11) return TRITON_OR_HUMMING;
  return MARLIN;
}

function generalAlignment({ major }: ComputeCapability): Alignment {
  if (major === 10) return FLASHINFER_TRTLLM;
  return major === 9 ? TRITON_OR_HUMMING : MARLIN;
}

function alignedExperts(module: ExpertsModule, alignment: Alignment): ParameterShape[] {
  const aligned: ExpertsModule = {
    ...module,
    hiddenSize: roundUp(module.hiddenSize, alignment.hidden),
    intermediateSizePerPartition: roundUp(
      module.intermediateSizePerPartition,
      alignment.intermediate,
    ),
  };
  return [...fp4Experts(aligned, BLOCK, 'uint8'), ...expertBiases(aligned, 'bfloat16')];
}
