/**
 * Which CUDA graphs vLLM captures: the mode, the batch sizes in tokens, and how many graphs of each kind come of them.
 * Source: vllm/config/vllm.py OPTIMIZATION_LEVEL_TO_CONFIG, _set_cudagraph_sizes, _normalize_piecewise_cudagraph_mode,
 * vllm/v1/worker/gpu/cudagraph_utils.py CudaGraphManager._init_candidates (0.33.0). Leaves out: graphs per number of LoRAs,
 * of drafts, of encoders, of microbatches; dynamic speculation.
 */
import { ConfigError } from '../../shared/errors.ts';
import type { ModelOptions } from './model-options.ts';

const MODES = ['NONE', 'PIECEWISE', 'FULL', 'FULL_DECODE_ONLY', 'FULL_AND_PIECEWISE'] as const;
export type CudagraphMode = (typeof MODES)[number];

/** CompilationMode.VLLM_COMPILE: the only one that cuts the model into pieces. */
const VLLM_COMPILE = 3;
/** vLLM's default of --optimization-level. */
const DEFAULT_LEVEL = 2;
/** GPUs of compute capability 10.x capture twice as large batches. */
const LARGEST_SIZE = 512;
const LARGEST_SIZE_OF_FAMILY_100 = 1024;

/** The facts of a run that graphs depend on. */
export interface CaptureInputs {
  readonly options: ModelOptions;
  readonly isPooling: boolean;
  readonly isEncoderDecoder: boolean;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly numSpeculativeTokens: number;
  /** Compute capability; null on AMD. */
  readonly capabilityMajor: number | null;
}

export interface CudagraphCapture {
  readonly mode: CudagraphMode;
  /** Tokens, ascending; empty without graphs. */
  readonly sizes: readonly number[];
  readonly numPiecewise: number;
  readonly numFull: number;
}

/** Throws E_BAD_FLAG for a mode or size that is none. */
export function planCapture(inputs: CaptureInputs): CudagraphCapture {
  const mode = cudagraphMode(inputs);
  const sizes = mode === 'NONE' ? [] : captureSizes(inputs);
  const hasPiecewise = mode === 'PIECEWISE' || mode === 'FULL_AND_PIECEWISE';
  const decodeSizes = mode === 'FULL' ? sizes : decodeOnlySizes(inputs, sizes);
  return {
    mode,
    sizes,
    numPiecewise: hasPiecewise ? sizes.length : 0,
    numFull: mode === 'NONE' || mode === 'PIECEWISE' ? 0 : decodeSizes.length,
  };
}

function cudagraphMode(inputs: CaptureInputs): CudagraphMode {
  const { options } = inputs;
  if (options.enforceEager === true) return 'NONE';
  const level = options.optimizationLevel ?? DEFAULT_LEVEL;
  const asked = options.compilationConfig?.['cudagraph_mode'];
  let mode = asked === undefined || asked === null ? modeOfLevel(level) : readMode(asked);
  const compilation = options.compilationConfig?.['mode'] ?? (level === 0 ? 0 : VLLM_COMPILE);
  if (!isVllmCompile(compilation)) mode = withoutPiecewise(mode);
  if (inputs.isPooling && mode.startsWith('FULL')) return 'PIECEWISE';
  if (inputs.isEncoderDecoder && mode !== 'NONE') return 'FULL_DECODE_ONLY';
  return mode;
}

function modeOfLevel(level: number): CudagraphMode {
  if (level === 0) return 'NONE';
  return level === 1 ? 'PIECEWISE' : 'FULL_AND_PIECEWISE';
}

function readMode(value: unknown): CudagraphMode {
  const name = typeof value === 'number' ? MODES[value] : String(value).toUpperCase();
  const mode = MODES.find((candidate) => candidate === name);
  if (mode !== undefined) return mode;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--compilation-config cudagraph_mode ${String(value)} must be one of ${MODES.join(', ')}`,
  );
}

function isVllmCompile(mode: unknown): boolean {
  return mode === VLLM_COMPILE || mode === 'VLLM_COMPILE';
}

function withoutPiecewise(mode: CudagraphMode): CudagraphMode {
  if (mode === 'PIECEWISE') return 'NONE';
  return mode === 'FULL_AND_PIECEWISE' ? 'FULL_DECODE_ONLY' : mode;
}

function captureSizes(inputs: CaptureInputs): number[] {
  const { options, maxNumSeqs, maxNumBatchedTokens, numSpeculativeTokens } = inputs;
  const given = options.cudagraphCaptureSizes ?? givenSizes(options);
  if (given !== undefined) return ascending(given).filter((size) => size <= maxNumBatchedTokens);
  const queryLength = numSpeculativeTokens + 1;
  const largest = inputs.capabilityMajor === 10 ? LARGEST_SIZE_OF_FAMILY_100 : LARGEST_SIZE;
  const asked = options.maxCudagraphCaptureSize ?? givenLargest(options);
  const wanted = asked ?? Math.min(maxNumSeqs * queryLength * 2, largest);
  const decodes =
    asked !== undefined ? [] : uniformDecodeSizes(maxNumSeqs, queryLength, wanted, largest);
  const most = Math.min(maxNumBatchedTokens, wanted);
  const isInteractive = options.performanceMode === 'interactivity';
  const small = isInteractive ? range(1, Math.min(most, 32), 1) : [1, 2, 4];
  const sizes = [...small, ...range(8, Math.min(most, 255), 8), ...range(256, most, 16)];
  if (maxNumBatchedTokens <= most) sizes.push(maxNumBatchedTokens);
  return ascending([
    ...sizes.filter((size) => size <= most),
    ...decodes.filter((size) => size <= maxNumBatchedTokens),
  ]);
}

/** The batches of decodes that the grid of sizes would miss. */
function uniformDecodeSizes(
  maxNumSeqs: number,
  queryLength: number,
  wanted: number,
  largest: number,
): number[] {
  if (queryLength === 1) return maxNumSeqs <= wanted ? [maxNumSeqs] : [];
  const most = Math.min(maxNumSeqs, largest);
  const counts = [1, 2, 4, ...range(8, Math.min(most, 255), 8), ...range(256, most, 16), most];
  return counts
    .filter((count) => count <= most)
    .map((count) => count * queryLength)
    .filter((size) => size <= wanted);
}

/** Sizes of which every request has one decode step, once each. */
function decodeOnlySizes(inputs: CaptureInputs, sizes: readonly number[]): number[] {
  const queryLength = inputs.numSpeculativeTokens + 1;
  const most = Math.min(inputs.maxNumSeqs * queryLength, sizes.at(-1) ?? 0);
  const rounded = sizes.map((size) => Math.ceil(size / queryLength) * queryLength);
  return ascending(rounded.filter((size) => size <= most));
}

function givenSizes({ compilationConfig }: ModelOptions): readonly number[] | undefined {
  const sizes = compilationConfig?.['cudagraph_capture_sizes'];
  if (sizes === undefined || sizes === null) return undefined;
  if (Array.isArray(sizes) && sizes.length > 0 && sizes.every(isSize)) return sizes;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--compilation-config cudagraph_capture_sizes ${JSON.stringify(sizes)} must be a list of whole numbers from 1`,
  );
}

function givenLargest({ compilationConfig }: ModelOptions): number | undefined {
  const size = compilationConfig?.['max_cudagraph_capture_size'];
  if (size === undefined || size === null) return undefined;
  if (isSize(size)) return size;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--compilation-config max_cudagraph_capture_size ${JSON.stringify(size)} must be a whole number from 1`,
  );
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1;
}

function range(first: number, last: number, step: number): number[] {
  const count = Math.max(0, Math.floor((last - first) / step) + 1);
  return Array.from({ length: count }, (_, i) => first + i * step);
}

function ascending(sizes: readonly number[]): number[] {
  return [...new Set(sizes)].sort((a, b) => a - b);
}
