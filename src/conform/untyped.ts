/** What stands in a message, of whatever types: for messages that the version's tables refuse. */
import { MsgpackReader } from '../shared/protocol/msgpack-reader.ts';
import type { StructTable } from '../shared/protocol/struct-table.ts';
import type { Frame } from '../shared/transport/transport.ts';

/** The value in a frame; undefined where it is no msgpack. */
export function untyped(frames: readonly Frame[], index: number): unknown {
  try {
    return new MsgpackReader(frames, index).any();
  } catch {
    return undefined;
  }
}

/** A struct's fields by our names, from an array by their places and from a map by their names; null of anything else. */
export function fieldsOf(
  value: unknown,
  { fields }: StructTable<never>,
): Readonly<Record<string, unknown>> | null {
  if (Array.isArray(value))
    return Object.fromEntries(fields.map(({ key }, place) => [key, value[place]]));
  const named = recordOf(value);
  return Object.keys(named).length === 0
    ? null
    : Object.fromEntries(fields.map(({ wire, key }) => [key, named[wire]]));
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}
