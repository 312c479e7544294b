/**
 * Floats as Python writes them: vLLM's error texts, log lines and `repr` values carry them to the last digit.
 */

/** `repr(float)`: the shortest digits, always with a `.0` or an exponent; exponents below 1e-4 and from 1e16 on. */
export function pythonFloatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e16 || magnitude < 1e-4) {
    const [digits = '', exponent = '0'] = value.toExponential().split('e');
    const sign = exponent.startsWith('-') ? '-' : '+';
    return `${digits}e${sign}${exponent.slice(1).padStart(2, '0')}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/**
 * `'%.2f' % value`: two decimals of the exact binary value, a tie going to the even digit.
 * JavaScript's toFixed differs in ties only (they go up there); with two decimals those are the odd multiples of 1/8.
 */
export function toFixed2(value: number): string {
  const eighths = Math.abs(value) * 8;
  if (!Number.isInteger(eighths) || eighths % 2 === 0) return value.toFixed(2);
  // x.125 and x.625 round down to an even digit, x.375 and x.875 round up to one.
  const isUp = eighths % 4 === 3;
  const magnitude = (eighths + (isUp ? 0.04 : -0.04)) / 8;
  return `${value < 0 ? '-' : ''}${magnitude.toFixed(2)}`;
}

/** `round(value, 2)`. */
export function roundHalfEven2(value: number): number {
  // From 2^52 on a double has no fraction, and toFixed would change to an exponent at 1e21.
  return Math.abs(value) >= 2 ** 52 ? value : Number(toFixed2(value));
}

const GIB_BYTES = 2 ** 30;

/** Bytes in GiB with at most two decimals, such as "4.0" or "13.32". Source: vllm/utils/mem_utils.py format_gib. */
export function formatGib(bytes: number | bigint): string {
  return pythonFloatRepr(roundHalfEven2(Number(bytes) / GIB_BYTES));
}

/** `f"{value:,}"` of an integer. */
export function withThousands(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
