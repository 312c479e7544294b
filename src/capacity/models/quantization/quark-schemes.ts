/**
 * How one side of a Quark scheme is quantized, and the kinds of schemes that vLLM tells apart.
 * Source: vllm/model_executor/layers/quantization/quark/quark.py QuarkConfig._is_*, _get_scheme_cls_from_config,
 * utils/ocp_mx_utils.py ocp_mx_weight_dtype_and_rows (0.33.0).
 */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import { refuseCheckpoint } from './refusals.ts';

/** One tensor's specs; NVFP4 has two levels. */
export type QuarkTensor = readonly JsonObject[];

export type QuarkScheme =
  | { readonly kind: 'fp8'; readonly scale: 'per_tensor' | 'per_channel'; readonly input: Input }
  | { readonly kind: 'fp8 block'; readonly scaleDtype: 'float32' | 'float8_e8m0fnu' }
  | { readonly kind: 'int8'; readonly scale: 'per_tensor' | 'per_channel'; readonly input: Input }
  | { readonly kind: 'int4'; readonly group: number }
  | { readonly kind: 'mx'; readonly element: MxElement; readonly input: MxInput }
  | { readonly kind: 'nvfp4' };

/** Activations: scales of the checkpoint, or made while the model runs, by tensor or by token. */
export type Input = 'static' | 'dynamic' | 'by token';

export type MxElement = 'fp4' | 'fp6_e3m2' | 'fp6_e2m3' | 'fp8_e4m3';

/** `none`: activations stay as they are. */
export type MxInput = 'none' | 'static fp8' | 'dynamic fp8' | MxElement;

const MX_ELEMENTS: readonly string[] = ['fp4', 'fp6_e3m2', 'fp6_e2m3', 'fp8_e4m3'];
const MX_BLOCK = 32;

/** Throws E_UNKNOWN_MODEL for a scheme that vLLM has none of. */
export function readQuarkScheme(config: JsonObject): QuarkScheme {
  if (isTrue(config['output_tensors']) || isTrue(config['bias'])) {
    refuseCheckpoint(
      'Currently, Quark models with output_tensors and bias quantized are not supported',
    );
  }
  const weights = tensorOf(config['weight']);
  const inputs = tensorOf(config['input_tensors']);
  if (weights.length > 1 || inputs.length > 1) {
    if (isNvfp4(weights, inputs)) return { kind: 'nvfp4' };
    refuseCheckpoint(
      'Multi-entry weight or activation quantization configs are only supported for NVFP4.',
    );
  }
  const [weight] = weights;
  const input = inputs[0] ?? null;
  const scheme = weight === undefined ? null : singleScheme(weight, input);
  if (scheme !== null) return scheme;
  return refuseCheckpoint(
    `No quark compatible scheme was found. Weight config: ${JSON.stringify(weight ?? null)}, ` +
      `Input config: ${JSON.stringify(input)}`,
  );
}

function singleScheme(weight: JsonObject, input: JsonObject | null): QuarkScheme | null {
  return (
    fp8Scheme(weight, input) ??
    int8Scheme(weight, input) ??
    int4Scheme(weight, input) ??
    mxScheme(weight, input)
  );
}

function fp8Scheme(weight: JsonObject, input: JsonObject | null): QuarkScheme | null {
  const isFp8 = weight['dtype'] === 'fp8_e4m3' && input?.['dtype'] === 'fp8_e4m3';
  if (!isFp8 || isDynamic(weight)) return null;
  const scheme = weight['qscheme'];
  if (scheme === 'per_block') return fp8BlockScheme(weight, input);
  if (scheme !== 'per_tensor' && scheme !== 'per_channel') return null;
  if (isDynamic(input)) {
    const isByToken = input['qscheme'] === 'per_channel';
    return { kind: 'fp8', scale: scheme, input: isByToken ? 'by token' : 'dynamic' };
  }
  return input['qscheme'] === 'per_tensor' ? { kind: 'fp8', scale: scheme, input: 'static' } : null;
}

function fp8BlockScheme(weight: JsonObject, input: JsonObject): QuarkScheme | null {
  const block = weight['block_size'];
  if (!Array.isArray(block) || block.length === 0) {
    refuseCheckpoint(
      'Quark W8A8 FP8 per-block weight quantization requires `block_size` in the weight quantization config.',
    );
  }
  const is128 = block.length === 2 && block.every((size) => size === 128);
  const isGrouped =
    isDynamic(input) &&
    input['qscheme'] === 'per_group' &&
    input['group_size'] === 128 &&
    input['symmetric'] === true;
  if (!is128 || weight['symmetric'] !== true || !isGrouped) return null;
  const isE8m0 = weight['scale_type'] === 'float8_e8m0fnu';
  return { kind: 'fp8 block', scaleDtype: isE8m0 ? 'float8_e8m0fnu' : 'float32' };
}

function int8Scheme(weight: JsonObject, input: JsonObject | null): QuarkScheme | null {
  if (weight['dtype'] !== 'int8' || input?.['dtype'] !== 'int8') return null;
  const scale = weight['qscheme'];
  if (scale !== 'per_tensor' && scale !== 'per_channel') return null;
  if (weight['symmetric'] !== true) return null;
  const isStatic = input['qscheme'] === 'per_tensor' && !isDynamic(input) && !isDynamic(weight);
  if (isStatic) return { kind: 'int8', scale, input: 'static' };
  const isByToken = input['qscheme'] === 'per_channel' && input['is_dynamic'] === true;
  return isByToken ? { kind: 'int8', scale, input: 'by token' } : null;
}

function int4Scheme(weight: JsonObject, input: JsonObject | null): QuarkScheme | null {
  if (input !== null || !['int4', 'uint4'].includes(String(weight['dtype']))) return null;
  const group = weight['group_size'];
  if (!Number.isInteger(group) || Number(group) <= 0) {
    refuseCheckpoint(
      `Quark W4A16 weight.group_size must be a positive int, got ${JSON.stringify(group ?? null)}`,
    );
  }
  return { kind: 'int4', group: Number(group) };
}

function mxScheme(weight: JsonObject, input: JsonObject | null): QuarkScheme | null {
  const element = weight['dtype'];
  if (typeof element !== 'string' || !MX_ELEMENTS.includes(element)) return null;
  const isGrouped =
    weight['qscheme'] === 'per_group' &&
    weight['group_size'] === MX_BLOCK &&
    weight['scale_format'] === 'e8m0';
  const block = weight['block_size'];
  const isBlocked =
    element === 'fp8_e4m3' &&
    weight['qscheme'] === 'per_block' &&
    weight['scale_type'] === 'float8_e8m0fnu' &&
    Array.isArray(block) &&
    block[1] === MX_BLOCK;
  if (!isGrouped && !isBlocked) return null;
  const activations = mxInput(input);
  return activations === null
    ? null
    : { kind: 'mx', element: element as MxElement, input: activations };
}

function mxInput(input: JsonObject | null): MxInput | null {
  if (input === null) return 'none';
  const dtype = String(input['dtype']);
  if (!isDynamic(input)) {
    const isStaticFp8 =
      dtype === 'fp8_e4m3' && input['qscheme'] === 'per_tensor' && input['symmetric'] === true;
    return isStaticFp8 ? 'static fp8' : null;
  }
  const isGrouped = input['qscheme'] === 'per_group' && input['group_size'] === MX_BLOCK;
  if (dtype === 'fp8_e4m3' && !isGrouped) return 'dynamic fp8';
  if (MX_ELEMENTS.includes(dtype)) return dtype as MxElement;
  return refuseCheckpoint(
    `Unsupported input_dtype=${dtype.replace('fp', 'mxfp')} in Quark's vLLM integration.`,
  );
}

function isNvfp4(weights: QuarkTensor, inputs: QuarkTensor): boolean {
  if (weights.length !== 2 || inputs.length !== 2) return false;
  const isGroup = (spec: JsonObject | undefined): boolean =>
    spec?.['dtype'] === 'fp4' && spec['qscheme'] === 'per_group' && spec['group_size'] === 16;
  const isWhole = (spec: JsonObject | undefined): boolean =>
    spec?.['dtype'] === 'fp8_e4m3' && spec['qscheme'] === 'per_tensor' && !isDynamic(spec);
  return (
    isGroup(weights[0]) &&
    !isDynamic(weights[0] ?? {}) &&
    isWhole(weights[1]) &&
    isGroup(inputs[0]) &&
    isDynamic(inputs[0] ?? {}) &&
    isWhole(inputs[1])
  );
}

function tensorOf(value: unknown): QuarkTensor {
  const list = Array.isArray(value) ? value : [value];
  return list.filter(isJsonObject);
}

function isDynamic(spec: JsonObject): boolean {
  return isTrue(spec['is_dynamic']);
}

/** Python truthiness of what a config may say. */
function isTrue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0;
}
