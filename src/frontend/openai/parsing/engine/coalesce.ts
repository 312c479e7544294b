import type { DeltaToolCall } from '../types.ts';

/** One entry a call: what came of it in one delta, joined. Source: ParserEngine._coalesce_tool_call_deltas (0.33.0). */
export function coalesced(deltas: DeltaToolCall[]): DeltaToolCall[] {
  const merged = new Map<number, DeltaToolCall>();
  for (const delta of deltas) {
    const existing = merged.get(delta.index);
    if (existing === undefined) {
      merged.set(delta.index, delta);
      continue;
    }
    if (delta.id !== undefined) existing.id ??= delta.id;
    if (delta.type !== undefined) existing.type ??= delta.type;
    if (delta.function === undefined) continue;
    existing.function ??= {};
    const { name, arguments: args } = delta.function;
    if (name != null) existing.function.name ??= name;
    if (args != null) existing.function.arguments = (existing.function.arguments ?? '') + args;
  }
  return [...merged.values()];
}
