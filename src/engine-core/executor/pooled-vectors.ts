/**
 * Vectors that stand for hidden states: the same token ids give the same vector, and prompts that share tokens are near one
 * another, so that a search over them finds what a reader would expect. Pure.
 */

/** Places of a vector that one token adds to. */
const PLACES_PER_TOKEN = 16;
/** A token at its place in the prompt adds this much, besides what it adds anywhere: order makes a small difference. */
const ORDER_WEIGHT = 0.2;
/** Each element has a share of its own, so that none is zero. */
const NOISE_WEIGHT = 0.02;

/** Mixes one value into a 32-bit hash. */
export function mix(hash: number, value: number): number {
  let z = (Math.imul(hash ^ value, 0x9e3779b1) + 0x85ebca77) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

export function hashTokens(seed: number, tokenIds: readonly number[]): number {
  let hash = mix(seed, tokenIds.length);
  for (const tokenId of tokenIds) hash = mix(hash, tokenId);
  return hash;
}

/** In (-1, 1). */
export function signedUnit(hash: number): number {
  return hash / 0x8000_0000 - 1 + 2 ** -33;
}

/** The vector of a whole prompt: the sum of its tokens'. `[size]` */
export function promptVector(
  seed: number,
  tokenIds: readonly number[],
  size: number,
): Float64Array {
  const vector = new Float64Array(size);
  for (let position = 0; position < tokenIds.length; position += 1)
    addToken(vector, 0, { seed, tokenId: tokenIds[position] ?? 0, position, size });
  addNoise(vector, 0, hashTokens(seed, tokenIds), size);
  return vector;
}

/** A row for each token. `[tokenIds.length × size]` */
export function tokenVectors(
  seed: number,
  tokenIds: readonly number[],
  size: number,
): Float64Array {
  const rows = new Float64Array(tokenIds.length * size);
  for (let position = 0; position < tokenIds.length; position += 1) {
    const tokenId = tokenIds[position] ?? 0;
    addToken(rows, position * size, { seed, tokenId, position, size });
    addNoise(rows, position * size, mix(mix(seed, tokenId), position), size);
  }
  return rows;
}

interface PlacedToken {
  readonly seed: number;
  readonly tokenId: number;
  readonly position: number;
  readonly size: number;
}

function addToken(
  rows: Float64Array,
  start: number,
  { seed, tokenId, position, size }: PlacedToken,
): void {
  const own = mix(seed, tokenId);
  const placed = mix(own, position);
  for (let place = 0; place < PLACES_PER_TOKEN; place += 1) {
    const hash = mix(own, place);
    const there = start + ((hash >>> 1) % size);
    rows[there] = (rows[there] ?? 0) + ((hash & 1) === 0 ? 1 : -1);
    const moved = mix(placed, place);
    const elsewhere = start + ((moved >>> 1) % size);
    rows[elsewhere] = (rows[elsewhere] ?? 0) + ((moved & 1) === 0 ? ORDER_WEIGHT : -ORDER_WEIGHT);
  }
}

function addNoise(rows: Float64Array, start: number, hash: number, size: number): void {
  let state = hash;
  for (let i = start; i < start + size; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    rows[i] = (rows[i] ?? 0) + NOISE_WEIGHT * signedUnit(mix(state, i));
  }
}

/** Makes each row one of length 1. Source: torch.nn.functional.normalize. */
export function normalizeRows(rows: Float64Array, size: number): void {
  for (let start = 0; start < rows.length; start += size) {
    let squares = 0;
    for (let i = start; i < start + size; i += 1) squares += (rows[i] ?? 0) ** 2;
    const scale = 1 / Math.max(Math.sqrt(squares), 1e-12);
    for (let i = start; i < start + size; i += 1) rows[i] = (rows[i] ?? 0) * scale;
  }
}

/** The first `kept` elements of each row. */
export function cutRows(rows: Float64Array, size: number, kept: number): Float64Array {
  if (kept >= size) return rows;
  const numRows = rows.length / size;
  const cut = new Float64Array(numRows * kept);
  for (let row = 0; row < numRows; row += 1)
    cut.set(rows.subarray(row * size, row * size + kept), row * kept);
  return cut;
}

/** The means of each `chunkSize` rows; the last chunk may be shorter. Source: pooler/tokwise/heads.py _mean_pool_chunks. */
export function meanChunks(rows: Float64Array, size: number, chunkSize: number): Float64Array {
  const numRows = rows.length / size;
  const numChunks = Math.ceil(numRows / chunkSize);
  const means = new Float64Array(numChunks * size);
  for (let chunk = 0; chunk < numChunks; chunk += 1) {
    const first = chunk * chunkSize;
    const last = Math.min(first + chunkSize, numRows);
    for (let row = first; row < last; row += 1) {
      for (let i = 0; i < size; i += 1) {
        const there = chunk * size + i;
        means[there] = (means[there] ?? 0) + (rows[row * size + i] ?? 0) / (last - first);
      }
    }
  }
  return means;
}
