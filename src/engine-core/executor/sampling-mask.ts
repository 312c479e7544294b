/** Which tokens could have been sampled, in vLLM's compressed rows. Source: vllm/v1/outputs.py SamplingMaskLists (0.33.0). */
import type { NdArray, SamplingMaskLists } from '../../shared/protocol/outputs.ts';

/** Of one row by token; a single one needs no offsets. */
export function samplingMask(rows: readonly Int32Array[]): SamplingMaskLists {
  const offsets = new BigInt64Array(rows.length + 1);
  for (const [i, row] of rows.entries()) {
    offsets[i + 1] = (offsets[i] ?? 0n) + BigInt(row.length);
  }
  const ids = new Int32Array(Number(offsets[rows.length]));
  for (const [i, row] of rows.entries()) ids.set(row, Number(offsets[i]));
  return {
    tokenIds: ndArray('<i4', ids),
    offsets: rows.length === 1 ? null : ndArray('<i8', offsets),
    cuNumGeneratedTokens: null,
  };
}

function ndArray(dtype: string, data: Int32Array | BigInt64Array): NdArray {
  return { dtype, shape: [data.length], data: new Uint8Array(data.buffer) };
}
