/**
 * One side of a compressed-tensors scheme: how weights, or activations, are quantized.
 * Source: compressed_tensors/quantization/quant_args.py QuantizationArgs (0.19), and the kinds that vLLM tells apart:
 * vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { BlockShape } from './linear-shapes.ts';
import { refuseCheckpoint } from './refusals.ts';

export type Strategy =
  | 'tensor'
  | 'channel'
  | 'group'
  | 'block'
  | 'token'
  | 'tensor_group'
  | 'attn_head';

export interface QuantArgs {
  readonly bits: number;
  readonly type: 'int' | 'float';
  readonly isSymmetric: boolean;
  readonly strategy: Strategy;
  /** null: one scale a channel, or whatever the strategy says. */
  readonly groupSize: number | null;
  readonly block: BlockShape | null;
  readonly isDynamic: boolean;
  readonly scaleDtype: string | null;
}

const STRATEGIES = ['tensor', 'channel', 'group', 'block', 'token', 'tensor_group', 'attn_head'];

/** Throws E_UNKNOWN_MODEL for arguments that contradict each other. */
export function readQuantArgs(config: HfConfig): QuantArgs {
  const groupSize = config.has('group_size') ? Number(config.get('group_size')) : null;
  const strategy = config.strOr('strategy', usualStrategy(groupSize)).toLowerCase();
  if (!STRATEGIES.includes(strategy)) refuseCheckpoint(`strategy '${strategy}' is not known`);
  const isGrouped = strategy === 'group' || strategy === 'tensor_group';
  if (isGrouped && !(groupSize !== null && groupSize > 0)) {
    refuseCheckpoint(`strategy ${strategy} requires group_size to be set to a positive value`);
  }
  if (!isGrouped && groupSize !== null && groupSize > 0) {
    refuseCheckpoint("group_size requires strategy to be set to 'group'");
  }
  const block = blockOf(config);
  if ((strategy === 'block') !== (block !== null)) {
    refuseCheckpoint(
      block === null
        ? 'Block strategy requires block structure'
        : 'Block structure requires block strategy',
    );
  }
  const isDynamic = config.flag('dynamic');
  if (strategy === 'token' && !isDynamic) {
    refuseCheckpoint('Cannot perform static token quantization, please use `dynamic=True`');
  }
  return {
    bits: config.numOr('num_bits', 8),
    type: config.strOr('type', 'int').toLowerCase() === 'float' ? 'float' : 'int',
    isSymmetric: config.get('symmetric') !== false,
    strategy: strategy as Strategy,
    groupSize: groupSize === null || groupSize <= 0 ? null : groupSize,
    block,
    isDynamic,
    scaleDtype: config.strOr('scale_dtype', null),
  };
}

function usualStrategy(groupSize: number | null): string {
  if (groupSize === null) return 'tensor';
  return groupSize > 0 ? 'group' : 'channel';
}

/** `[128, 128]`, or `128x128` of older exports. */
function blockOf(config: HfConfig): BlockShape | null {
  if (!config.has('block_structure')) return null;
  const value = config.get('block_structure');
  const sizes = typeof value === 'string' ? value.split('x').map(Number) : value;
  const isPair = Array.isArray(sizes) && sizes.length === 2 && sizes.every(Number.isInteger);
  if (!isPair) {
    refuseCheckpoint(
      `Invalid block_structure '${JSON.stringify(value)}'. Must be a list of ints [rows, cols].`,
    );
  }
  return [sizes[0], sizes[1]];
}

/** Weights of checkpoints whose columns were reordered by activations are no longer taken. */
export function refuseActivationOrder(config: HfConfig): void {
  const order = config.get('actorder');
  const said = order === true ? 'group' : order;
  if (typeof said !== 'string' || !['group', 'dynamic'].includes(said.toLowerCase())) return;
  refuseCheckpoint(
    "Compressed-tensors group/dynamic activation ordering (actorder='group') is no longer supported. " +
      'Use a checkpoint with static/weight activation ordering or without activation ordering.',
  );
}

type Maybe = QuantArgs | null;

export function isNvfp4({ strategy, type, bits, groupSize, isSymmetric }: QuantArgs): boolean {
  return (
    strategy === 'tensor_group' && type === 'float' && bits === 4 && groupSize === 16 && isSymmetric
  );
}

function isFloatGroupOf32({ strategy, type, groupSize, isSymmetric }: QuantArgs): boolean {
  return strategy === 'group' && type === 'float' && groupSize === 32 && isSymmetric;
}

export function isMxfp4(weights: QuantArgs): boolean {
  return isFloatGroupOf32(weights) && weights.bits === 4;
}

/** With activations in FP8, made while the model runs. */
export function isMxfp4W4A8(weights: QuantArgs, inputs: Maybe): boolean {
  return (
    isMxfp4(weights) &&
    !weights.isDynamic &&
    inputs !== null &&
    inputs.type === 'float' &&
    inputs.bits === 8 &&
    inputs.isDynamic &&
    inputs.isSymmetric &&
    (inputs.strategy === 'token' || inputs.strategy === 'group')
  );
}

export function isMxfp8(weights: QuantArgs): boolean {
  return (
    isFloatGroupOf32(weights) && weights.bits === 8 && /(^|\.)uint8$/.test(weights.scaleDtype ?? '')
  );
}

function isStaticFloat(weights: QuantArgs): boolean {
  return (
    weights.type === 'float' &&
    weights.isSymmetric &&
    !weights.isDynamic &&
    ['tensor', 'channel', 'block'].includes(weights.strategy)
  );
}

export function isFp8W8A8(weights: QuantArgs, inputs: Maybe): boolean {
  if (inputs === null || inputs.type !== 'float' || !isStaticFloat(weights)) return false;
  return inputs.isDynamic || (inputs.isSymmetric && inputs.strategy === 'tensor');
}

export function isFp8W8A16(weights: QuantArgs): boolean {
  return isStaticFloat(weights);
}

export function isFp8W4A8(weights: QuantArgs, inputs: Maybe): boolean {
  return (
    inputs !== null &&
    weights.type === 'int' &&
    inputs.type === 'float' &&
    weights.bits === 4 &&
    inputs.bits === 8 &&
    weights.strategy === 'group' &&
    inputs.strategy === 'token' &&
    weights.isSymmetric &&
    inputs.isSymmetric &&
    !weights.isDynamic &&
    inputs.isDynamic
  );
}

/** Eight-bit weights and activations; the activations' scales are in the checkpoint or made by token. */
export function isW8A8(weights: QuantArgs, inputs: Maybe, kind: 'static' | 'by token'): boolean {
  return (
    inputs !== null &&
    weights.bits === 8 &&
    inputs.bits === 8 &&
    (weights.strategy === 'tensor' || weights.strategy === 'channel') &&
    weights.isSymmetric &&
    !weights.isDynamic &&
    (kind === 'static'
      ? inputs.strategy === 'tensor' && !inputs.isDynamic
      : inputs.strategy === 'token' && inputs.isDynamic)
  );
}

export function isChannelOrGroup({ strategy }: QuantArgs): boolean {
  return strategy === 'channel' || strategy === 'group';
}

export function isW4A8Int(weights: QuantArgs, inputs: Maybe): boolean {
  return (
    inputs !== null &&
    weights.type === 'int' &&
    inputs.type === 'int' &&
    weights.bits === 4 &&
    inputs.bits === 8 &&
    isChannelOrGroup(weights) &&
    inputs.strategy === 'token' &&
    weights.isSymmetric &&
    !weights.isDynamic &&
    inputs.isDynamic
  );
}

export function isWeightOnlyChannelOrGroup(weights: QuantArgs, inputs: Maybe): boolean {
  return isChannelOrGroup(weights) && inputs === null && !weights.isDynamic;
}

/** Packed integers of any width with integer activations that are made while the model runs. */
export function isPackedIntDynamic(weights: QuantArgs, inputs: Maybe, format: string): boolean {
  return (
    inputs !== null &&
    format === 'pack-quantized' &&
    isChannelOrGroup(weights) &&
    weights.type === 'int' &&
    !weights.isDynamic &&
    inputs.type === 'int' &&
    inputs.isSymmetric &&
    inputs.isDynamic &&
    (inputs.strategy === 'token' || inputs.strategy === 'group')
  );
}

/** Integers with static INT8 activations on both sides. */
export function isIntStaticBothSides(
  weights: QuantArgs,
  inputs: Maybe,
  outputs: Maybe,
  format: string,
): boolean {
  const isStaticInt8 = (side: Maybe): boolean =>
    side !== null &&
    side.type === 'int' &&
    side.strategy === 'tensor' &&
    side.bits === 8 &&
    !side.isDynamic;
  return (
    ['pack-quantized', 'int-quantized'].includes(format) &&
    isChannelOrGroup(weights) &&
    weights.type === 'int' &&
    !weights.isDynamic &&
    isStaticInt8(inputs) &&
    isStaticInt8(outputs)
  );
}
