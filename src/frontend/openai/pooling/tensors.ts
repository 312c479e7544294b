/**
 * Vectors as they come from engines and as answers carry them: elements, their JSON, their bytes in the types that clients
 * can ask for. Source: vllm/utils/serial_utils.py tensor2binary, EMBED_DTYPES; torch's conversions; orjson. Pure.
 */
import { ServerError } from '../../../shared/errors.ts';
import type { NdArray } from '../../../shared/protocol/outputs.ts';
import type { EmbedDType, Encoding } from './request.ts';

/** The elements, whatever type the engine's head has. Throws E_BAD_FRAME for one that no head has. */
export function elementsOf({ dtype, data }: NdArray): Float32Array {
  // A copy: what stands in a message has no alignment.
  const bytes = new Uint8Array(data).buffer;
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes);
    case 'float64':
      return Float32Array.from(new Float64Array(bytes));
    case 'bfloat16':
      return Float32Array.from(new Uint16Array(bytes), (bits) => fromBits(bits << 16));
    case 'float16':
      return Float32Array.from(new Uint16Array(bytes), fromFloat16);
    default:
      throw new ServerError('E_BAD_FRAME', `pooling_output of type ${dtype}`);
  }
}

const BITS = new DataView(new ArrayBuffer(4));

function fromBits(bits: number): number {
  BITS.setInt32(0, bits);
  return BITS.getFloat32(0);
}

function bitsOf(value: number): number {
  BITS.setFloat32(0, value);
  return BITS.getUint32(0);
}

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** orjson's text of a float32: the shortest digits that make it again. */
export function jsonFloat32(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  for (let digits = 7; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value)
      return withPoint(digits === 7 ? shorter(value, short) : short);
  }
  return withPoint(Number(value.toPrecision(9)));
}

function withPoint(value: number): string {
  if (Math.abs(value) >= 1e13) return value.toExponential();
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Seldom does a float32 need fewer than seven digits. */
function shorter(value: number, seven: number): number {
  let best = seven;
  for (let digits = 6; digits > 0; digits -= 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) !== value) break;
    best = short;
  }
  return best;
}

/** orjson's text of a Python float. */
export function jsonFloat64(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e16 || (magnitude < 1e-5 && value !== 0)) return value.toExponential();
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** A list of numbers, or of such lists where the array has two dimensions. */
export function jsonArray({ shape, ...array }: NdArray, text: (value: number) => string): string {
  const elements = elementsOf({ shape, ...array });
  const list = (from: number, to: number): string => {
    const texts: string[] = [];
    for (let i = from; i < to; i += 1) texts.push(text(elements[i] ?? 0));
    return `[${texts.join(',')}]`;
  };
  const [rows = 0, size = 0] = shape;
  if (shape.length < 2) return shape.length === 0 ? text(elements[0] ?? 0) : list(0, rows);
  return `[${Array.from({ length: rows }, (_, row) => list(row * size, (row + 1) * size)).join(',')}]`;
}

/** Source: tensor2binary. */
export function tensorBytes(
  array: NdArray,
  { embed_dtype: dtype, endianness }: Pick<Encoding, 'embed_dtype' | 'endianness'>,
): Buffer {
  const elements = elementsOf(array);
  const { size, bits } = DTYPES[dtype];
  const bytes = Buffer.alloc(elements.length * size);
  for (const [i, element] of elements.entries()) bytes.writeUIntLE(bits(element), i * size, size);
  if (endianness !== 'big' || size === 1) return bytes;
  return size === 2 ? bytes.swap16() : bytes.swap32();
}

interface DType {
  /** Bytes of an element. */
  readonly size: number;
  bits(value: number): number;
}

const DTYPES: Readonly<Record<EmbedDType, DType>> = {
  float32: { size: 4, bits: bitsOf },
  float16: {
    size: 2,
    bits: (value) => smallFloat(value, { exponent: 5, fraction: 10, hasInfinity: true }),
  },
  bfloat16: { size: 2, bits: bfloat16Bits },
  fp8_e4m3: {
    size: 1,
    bits: (value) => smallFloat(value, { exponent: 4, fraction: 3, hasInfinity: false }),
  },
  fp8_e5m2: {
    size: 1,
    bits: (value) => smallFloat(value, { exponent: 5, fraction: 2, hasInfinity: true }),
  },
};

function bfloat16Bits(value: number): number {
  const bits = bitsOf(value);
  if (Number.isNaN(value)) return 0x7fc0;
  // To the nearest, a tie to the even one.
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The bits of a float with few of them: rounded to the nearest, a tie to the even one. */
function smallFloat(
  value: number,
  layout: { exponent: number; fraction: number; hasInfinity: boolean },
): number {
  const { exponent: exponentBits, fraction: fractionBits, hasInfinity } = layout;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + fractionBits) : 0;
  const allOnes = (1 << (exponentBits + fractionBits)) - 1;
  const infinity = ((1 << exponentBits) - 1) << fractionBits;
  const overflow = hasInfinity ? infinity : allOnes;
  if (Number.isNaN(value)) return sign | allOnes;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), 1 - bias);
  const steps = roundHalfEven(magnitude * 2 ** (fractionBits - exponent));
  // A fraction that rounds up to the next power of two carries into the exponent by itself.
  const bits = ((exponent + bias - 1) << fractionBits) + steps;
  return sign | Math.min(bits, overflow);
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}
