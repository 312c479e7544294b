/** One delta as several that each say one thing. Pure. Source: responses/streaming_events.py split_delta (0.33.0). */
import type { DeltaMessage, DeltaToolCall } from '../parsing/types.ts';

export function splitDelta(delta: DeltaMessage): readonly DeltaMessage[] {
  const { reasoning = null, content = null, tool_calls: calls = [] } = delta;
  const numParts = Number(reasoning !== null) + Number(content !== null) + Number(calls.length > 0);
  if (numParts <= 1 && new Set(calls.map(({ index }) => index)).size <= 1) return [delta];
  const deltas: DeltaMessage[] = [];
  if (reasoning !== null) deltas.push({ reasoning });
  if (content !== null) deltas.push({ content });
  const byIndex = new Map<number, DeltaToolCall[]>();
  for (const call of calls) {
    const group = byIndex.get(call.index);
    if (group === undefined) byIndex.set(call.index, [call]);
    else group.push(call);
  }
  for (const group of byIndex.values()) deltas.push({ tool_calls: group });
  return deltas;
}
