/**
 * Weights of four or eight bits in 32-bit words, with scales and zero points per group of inputs: what AWQ and GPTQ have in
 * common. Source: vllm/model_executor/layers/quantization/{auto_awq,auto_gptq,moe_wna16}.py create_weights (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { ExpertsModule, LinearModule, ParameterShape } from './quantization-config.ts';

const WORD_BITS = 32;
/** Source: utils/marlin_utils.py MARLIN_SUPPORTED_GROUP_SIZES. */
const MARLIN_GROUP_SIZES = [-1, 32, 64, 128];
/** Below it `moe_wna16` does not split a group. */
const SMALLEST_GROUP = 32;

export interface PackedFormat {
  readonly bits: number;
  /** Inputs that share a scale; -1: all. */
  readonly groupSize: number;
  /** Zero points are stored. */
  readonly hasZeroPoint: boolean;
}

/** Values of a 32-bit word. */
export function packFactor(bits: number): number {
  return Math.floor(WORD_BITS / bits);
}

export function isMarlinGroup(groupSize: number): boolean {
  return MARLIN_GROUP_SIZES.includes(groupSize);
}

/** Groups that this rank's inputs make; a group must not lie on two ranks. */
export function groupsOf(module: LinearModule, groupSize: number): number {
  const size = groupSize === -1 ? module.inputSize : groupSize;
  return Math.floor(module.inputSizePerPartition / size);
}

/** Source: utils/marlin_utils.py check_moe_marlin_supports_config with allow_tile_padding. */
export function marlinTakesExperts(module: ExpertsModule, groupSize: number): boolean {
  const fits = groupSize <= 0 || module.intermediateSizePerPartition % groupSize === 0;
  return module.hiddenSize % 128 === 0 && fits && isMarlinGroup(groupSize);
}

/** Experts in bytes, for groups that Marlin does not take. Source: moe_wna16.py MoeWNA16Method.create_weights. */
export function wna16Experts(module: ExpertsModule, format: PackedFormat): ParameterShape[] {
  const { localNumExperts: experts, hiddenSize, intermediateSizePerPartition: width } = module;
  const inwards = module.isGated ? 2 * width : width;
  const perByte = Math.floor(8 / format.bits);
  let group = format.groupSize;
  while (width % group !== 0 || hiddenSize % group !== 0) {
    group = Math.floor(group / 2);
    if (group < SMALLEST_GROUP) {
      throw new ConfigError(
        'E_UNKNOWN_MODEL',
        `${module.name}: groups of ${format.groupSize} divide neither the hidden size ${hiddenSize} nor the experts' width ` +
          `${width}, nor do halves of them down to ${SMALLEST_GROUP}`,
      );
    }
  }
  const { dtype } = module;
  const hiddenGroups = Math.floor(hiddenSize / group);
  const widthGroups = Math.floor(width / group);
  const byte = (size: number): number => Math.floor(size / perByte);
  const shapes: ParameterShape[] = [
    { name: 'w13_qweight', shape: [experts, inwards, byte(hiddenSize)], dtype: 'uint8' },
    { name: 'w2_qweight', shape: [experts, hiddenSize, byte(width)], dtype: 'uint8' },
    { name: 'w13_scales', shape: [experts, inwards, hiddenGroups], dtype },
    { name: 'w2_scales', shape: [experts, hiddenSize, widthGroups], dtype },
  ];
  if (!format.hasZeroPoint) return shapes;
  return [
    ...shapes,
    { name: 'w13_qzeros', shape: [experts, byte(inwards), hiddenGroups], dtype: 'uint8' },
    { name: 'w2_qzeros', shape: [experts, byte(hiddenSize), widthGroups], dtype: 'uint8' },
  ];
}
