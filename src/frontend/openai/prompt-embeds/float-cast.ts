/** Numbers of one floating-point type as those of another, rounded as torch rounds them: to nearest, ties to even. Pure. */

interface FloatType {
  readonly size: number;
  read(from: DataView, at: number): number;
  write(to: DataView, at: number, value: number): void;
}

const WORD = new DataView(new ArrayBuffer(4));

function bits(value: number): number {
  WORD.setFloat32(0, value);
  return WORD.getUint32(0);
}

function fromBits(word: number): number {
  WORD.setUint32(0, word >>> 0);
  return WORD.getFloat32(0);
}

function toBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const word = bits(value);
  const isOdd = (word >>> 16) & 1;
  return ((word + 0x7fff + isOdd) >>> 16) & 0xffff;
}

function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function toFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -24)));
  const unit = 2 ** (exponent - 10);
  const steps = roundToEven(size / unit);
  const biased = exponent + 14;
  return sign | (steps < 1024 ? steps : biased * 1024 + steps);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const FLOATS: Readonly<Record<string, FloatType>> = {
  float64: {
    size: 8,
    read: (from, at) => from.getFloat64(at, true),
    write: (to, at, value) => to.setFloat64(at, value, true),
  },
  float32: {
    size: 4,
    read: (from, at) => from.getFloat32(at, true),
    write: (to, at, value) => to.setFloat32(at, value, true),
  },
  float16: {
    size: 2,
    read: (from, at) => fromFloat16(from.getUint16(at, true)),
    // As torch does, by way of a float.
    write: (to, at, value) => to.setUint16(at, toFloat16(Math.fround(value)), true),
  },
  bfloat16: {
    size: 2,
    read: (from, at) => fromBits(from.getUint16(at, true) << 16),
    write: (to, at, value) => to.setUint16(at, toBfloat16(value), true),
  },
};

export function isFloat(dtype: string): boolean {
  return Object.hasOwn(FLOATS, dtype);
}

/** Little endian both. */
export function castFloats(data: Uint8Array, from: string, to: string): Uint8Array {
  const source = FLOATS[from];
  const target = FLOATS[to];
  if (from === to || source === undefined || target === undefined) return data;
  const count = data.length / source.size;
  const cast = new Uint8Array(count * target.size);
  const input = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const output = new DataView(cast.buffer);
  for (let i = 0; i < count; i++) {
    target.write(output, i * target.size, source.read(input, i * source.size));
  }
  return cast;
}
