import type { Prng } from '../../prng.ts';
import { allowsNumber } from './schema-check.ts';
import type { Fields } from './schema-tree.ts';

/** How far from a bound numbers are drawn. */
const SPREAD = 10;
const MAX_TRIES = 40;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** A whole number within the schema's limits; undefined where there is none. */
export function drawInteger(schema: Fields, prng: Prng): number | undefined {
  const { low, high } = limitsOf(schema);
  const step = Math.max(1, multipleOf(schema) ?? 1);
  return drawMultiple(schema, { low, high, step: Number.isInteger(step) ? step : 1 }, prng);
}

/** A number within the schema's limits, with a fraction where it may; undefined where there is none. */
export function drawNumber(schema: Fields, prng: Prng): number | undefined {
  const { low, high } = limitsOf(schema);
  const multiple = multipleOf(schema);
  const step = multiple ?? 0.5;
  const drawn = drawMultiple(schema, { low, high, step }, prng);
  if (drawn !== undefined || multiple !== null) return drawn;
  // Between bounds that are closer than a half.
  const middle = low + (high - low) / 2;
  return [middle, low, high].find((value) => Number.isFinite(value) && allowsNumber(schema, value));
}

function drawMultiple(
  schema: Fields,
  { low, high, step }: { low: number; high: number; step: number },
  prng: Prng,
): number | undefined {
  const first = Number.isFinite(low)
    ? Math.ceil(low / step)
    : Number.isFinite(high)
      ? Math.floor(high / step) - SPREAD
      : 1;
  const last = Number.isFinite(high) ? Math.floor(high / step) : first + SPREAD;
  const span = Math.min(last - first, SPREAD);
  for (let i = 0; i < MAX_TRIES && span >= 0; i += 1) {
    const factor = i < span + 1 ? first + prng.nextBelow(span + 1) : first + (i % (span + 1));
    const value = cleaned(factor * step);
    if (allowsNumber(schema, value)) return value;
  }
  // The bounds themselves may be excluded, and little else is left.
  for (let factor = first; factor <= first + span; factor += 1) {
    const value = cleaned(factor * step);
    if (allowsNumber(schema, value)) return value;
  }
  return undefined;
}

function multipleOf(schema: Fields): number | null {
  const value = schema['multipleOf'];
  return typeof value === 'number' && value > 0 ? value : null;
}

function limitsOf(schema: Fields): { low: number; high: number } {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const numbers = (...values: unknown[]): number[] =>
    values.filter((value): value is number => typeof value === 'number');
  const low = Math.max(-Infinity, ...numbers(minimum, exclusiveMinimum));
  const high = Math.min(Infinity, ...numbers(maximum, exclusiveMaximum));
  // Bounds of 64 bits are no place to draw from: doubles are far apart there.
  const isSafe = low <= MAX_SAFE && high >= -MAX_SAFE;
  if (!isSafe) return { low, high };
  return {
    low: low < -MAX_SAFE && low > -Infinity ? Math.max(0, -high) : low,
    high: high > MAX_SAFE && high < Infinity ? MAX_SAFE : high,
  };
}

/** Without what binary fractions add, and without a negative zero. */
function cleaned(value: number): number {
  return Number(value.toPrecision(15)) + 0;
}
