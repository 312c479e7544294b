/**
 * Arrays of numbers as wire fields: small ones inside the message as an extension value, others in frames of their own.
 * Source: vllm/v1/serial_utils.py MsgpackEncoder (0.33.0).
 */
import type { FieldType } from './field-types.ts';
import type { FrameWriter } from './frame-writer.ts';
import { DecodeFault, type MsgpackReader } from './msgpack-reader.ts';
import type { NdArray } from './outputs.ts';

/** Arrays below this size travel inside the message, others in frames of their own. Source: VLLM_MSGPACK_ZERO_COPY_THRESHOLD. */
const INLINE_ARRAY_MAX_BYTES = 256;
const RAW_VIEW = 3;

/** Bytes an element takes, by numpy's type string or torch's type name; unknown types are not checked. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  int32: 4,
  float32: 4,
  int64: 8,
  float64: 8,
};

function elementBytes(dtype: string): number | null {
  const numpy = /^[<>|=][biufc](\d{1,2})$/.exec(dtype);
  return numpy === null ? (ELEMENT_BYTES[dtype] ?? null) : Number(numpy[1]);
}

function readArray(reader: MsgpackReader): NdArray {
  const length = reader.arrayHeader('an array [dtype, shape, data]');
  if (length !== 3) throw new DecodeFault('an array [dtype, shape, data]', `${length} elements`);
  const dtype = reader.str();
  const shape = reader.intArray();
  const data = readArrayData(reader);
  const size = elementBytes(dtype);
  const expectedBytes = shape.reduce((product, n) => product * n, size ?? 1);
  if (shape.some((n) => n < 0) || (size !== null && expectedBytes !== data.length)) {
    throw new DecodeFault(
      `${expectedBytes} bytes for ${dtype} of shape [${shape.join(', ')}]`,
      `${data.length} bytes`,
    );
  }
  return { dtype, shape, data };
}

function readArrayData(reader: MsgpackReader): Uint8Array {
  if (!reader.isInt()) {
    const { extType, data } = reader.ext();
    if (extType !== RAW_VIEW) throw new DecodeFault('extension type 3', `${extType}`);
    return data;
  }
  const index = reader.int();
  const frame = index < 1 ? undefined : reader.frames[index];
  if (frame === undefined) {
    throw new DecodeFault(
      `the index of one of ${reader.frames.length - 1} auxiliary frames`,
      `${index}`,
    );
  }
  return frame;
}

function writeArray(value: NdArray, isInline: boolean, writer: FrameWriter): void {
  const { dtype, shape, data } = value;
  writer.arrayHeader(3);
  writer.str(dtype);
  writer.intArray(shape);
  if (isInline) writer.ext(RAW_VIEW, data);
  // The message itself is frame 0.
  else writer.int(writer.frames.push(data));
}

/** Source: vllm/v1/serial_utils.py MsgpackEncoder._encode_ndarray (scalars are always inline). */
export const ndArray: FieldType<NdArray> = {
  read: readArray,
  write(value, writer) {
    const isInline = value.shape.length === 0 || value.data.length < INLINE_ARRAY_MAX_BYTES;
    writeArray(value, isInline, writer);
  },
  declared: { kind: 'custom', name: 'np.ndarray' },
};

/** Source: vllm/v1/serial_utils.py MsgpackEncoder._encode_tensor. */
export const tensor: FieldType<NdArray> = {
  read: readArray,
  write: (value, writer) => writeArray(value, value.data.length < INLINE_ARRAY_MAX_BYTES, writer),
  declared: { kind: 'custom', name: 'torch.Tensor' },
};
