/**
 * Prompts that come as embeddings: decoded, checked, and cast to the model's own type.
 * Source: vllm/renderers/embed_utils.py safe_load_prompt_embeds, vllm/utils/sparse_utils.py safe_to_dense (0.33.0).
 */
import type { NdArray } from '../../../shared/protocol/outputs.ts';
import { badRequest, validationError } from '../../llm/errors.ts';
import type { EmbeddingKind } from '../../llm/served-model.ts';
import { castFloats, isFloat } from './float-cast.ts';
import { ELEMENT_SIZES, readTorchFile, TorchFileError, type TorchTensor } from './torch-file.ts';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** VLLM_MAX_EMBED_DECODE_BYTES's default. */
const MAX_DECODED_BYTES = 2 ** 31;
const PARAMETER = { parameter: 'prompt_embeds' };

/** The rows of a prompt that are kept. */
export interface KeptRows {
  readonly first: number;
  readonly count: number;
}

const allRows = (count: number): KeptRows => ({ first: 0, count });

/**
 * Rows of the model's width. Throws ApiError. `keep` is asked before any row is copied, and may throw: a tensor that
 * repeats one number has as many rows as it says.
 */
export function loadPromptEmbeds(
  payload: string,
  kind: EmbeddingKind,
  keep: (numRows: number) => KeptRows = allRows,
): NdArray {
  if (payload.length % 4 !== 0 || !BASE64.test(payload)) {
    throw badRequest('Non-base64 digit found');
  }
  const tensor = squeeze(readTensor(Buffer.from(payload, 'base64')));
  const { shape, dtype } = tensor;
  const [numTokens = 0, width = 0] = shape;
  if (shape.length !== 2) {
    throw validationError(
      `\`prompt_embeds\` must be a 2D tensor of shape (num_tokens, hidden_size); got shape ${pyTuple(shape)}.`,
      PARAMETER,
    );
  }
  if (width !== kind.hiddenSize) {
    throw validationError(
      `\`prompt_embeds\` hidden_size ${width} does not match the model's hidden_size ${kind.hiddenSize}.`,
      PARAMETER,
    );
  }
  if (dtype !== kind.dtype && !isFloat(dtype)) {
    throw validationError(
      `\`prompt_embeds\` dtype torch.${dtype} is not a floating-point type, cannot safely cast to the model's dtype ` +
        `torch.${kind.dtype}.`,
      PARAMETER,
    );
  }
  const { first, count } = keep(numTokens);
  const offset = tensor.offset + first * (tensor.strides[0] ?? 0);
  const kept = { ...tensor, shape: [count, width], offset };
  const data = castFloats(contiguous(kept), dtype, kind.dtype);
  return { dtype: kind.dtype, shape: [count, width], data };
}

function readTensor(bytes: Buffer): TorchTensor {
  let tensor: TorchTensor | null;
  try {
    tensor = readTorchFile(bytes);
  } catch (error) {
    if (!(error instanceof TorchFileError)) throw error;
    throw validationError(
      `\`prompt_embeds\` could not be deserialized as a torch tensor: ${error.message}`,
      PARAMETER,
    );
  }
  if (tensor === null) {
    throw validationError(
      '`prompt_embeds` payload did not deserialize to a torch.Tensor.',
      PARAMETER,
    );
  }
  const numBytes = elementsOf(tensor.shape) * (ELEMENT_SIZES[tensor.dtype] ?? 0);
  if (numBytes > MAX_DECODED_BYTES) {
    throw validationError(
      `\`prompt_embeds\` declares shape ${pyTuple(tensor.shape)}, which would allocate ${numBytes} bytes ` +
        `(${Math.round(numBytes / 2 ** 20)} MiB) once densified, exceeding the ${MAX_DECODED_BYTES} byte limit. ` +
        'Set VLLM_MAX_EMBED_DECODE_BYTES to increase this limit.',
      { ...PARAMETER, value: numBytes },
    );
  }
  return tensor;
}

/** A batch of one is the prompt itself. */
function squeeze(tensor: TorchTensor): TorchTensor {
  const { shape, strides } = tensor;
  if (shape.length <= 2 || shape[0] !== 1) return tensor;
  return { ...tensor, shape: shape.slice(1), strides: strides.slice(1) };
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The rows of a matrix one after the other. */
function contiguous({ dtype, shape, strides, offset, storage }: TorchTensor): Buffer {
  const [rows = 0, columns = 0] = shape;
  const [rowStride = 0, columnStride = 0] = strides;
  const size = ELEMENT_SIZES[dtype] ?? 0;
  if (columnStride === 1 && rowStride === columns) {
    return storage.subarray(offset * size, (offset + rows * columns) * size);
  }
  const data = Buffer.alloc(rows * columns * size);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (offset + row * rowStride + column * columnStride) * size;
      storage.copy(data, (row * columns + column) * size, from, from + size);
    }
  }
  return data;
}

function pyTuple(values: readonly number[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`;
}
