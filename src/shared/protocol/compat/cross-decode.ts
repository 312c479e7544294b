/**
 * What one vLLM version makes of another one's message: takes it, takes it without some fields, reads fields as others, or
 * refuses it in msgspec's words. Pure.
 */
import type { DeclaredType } from '../declared-type.ts';
import type { WireVersion } from '../wire-version.ts';
import { MsgspecFault } from './msgspec-fault.ts';
import { MsgspecWalk, type WalkedStruct, type WalkedValue } from './msgspec-walk.ts';

/** A field that the receiver has no place for. */
export interface DroppedField {
  readonly name: string;
  /** `outputs[0].error`. */
  readonly path: string;
  /**
   * In a map inside the message, like the scheduler's statistics: unknown keys of maps are skipped wherever they are,
   * while places behind a positional struct's last field show that the struct grew.
   */
  readonly isInMap: boolean;
}

export type CrossVerdict =
  | { readonly verdict: 'ok' }
  | { readonly verdict: 'fields_dropped'; readonly fields: readonly DroppedField[] }
  /** Paths of fields that the receiver reads from another field's bytes, or not at all. */
  | { readonly verdict: 'misread'; readonly fields: readonly string[] }
  | {
      readonly verdict: 'rejected';
      readonly error: MsgspecFault['error'];
      readonly words: string;
    };

/** Messages that vLLM decodes by a type: which frame behind the identity it is, and the type. */
const TYPED_MESSAGES = {
  INIT: { frame: 0, struct: 'engineHandshakeMetadata' },
  EngineCoreReadyResponse: { frame: 0, struct: 'engineCoreReadyResponse' },
  ADD: { frame: 1, struct: 'engineCoreRequest' },
  OUTPUT: { frame: 0, struct: 'engineCoreOutputs' },
  KV_EVENT: { frame: 2, struct: 'kvEventBatch' },
} as const satisfies Readonly<Record<string, { readonly frame: number; readonly struct: string }>>;

export type TypedMessage = keyof typeof TYPED_MESSAGES;

export const TYPED_MESSAGE_KINDS = Object.keys(TYPED_MESSAGES) as readonly TypedMessage[];

/** The struct of a kind of message, by its name in the code. */
export function messageStruct(kind: TypedMessage): string {
  return TYPED_MESSAGES[kind].struct;
}

/** What `receiver` makes of a message of `sender`; `frames` are those behind the identity. */
export function crossDecode(
  kind: TypedMessage,
  frames: readonly Uint8Array[],
  { sender, receiver }: { readonly sender: WireVersion; readonly receiver: WireVersion },
): CrossVerdict {
  const { frame, struct } = TYPED_MESSAGES[kind];
  return crossDecodeStruct(struct, frames.slice(frame), { sender, receiver });
}

/** The same for a struct by itself, with the frames that its arrays may point to behind it. */
export function crossDecodeStruct(
  struct: string,
  frames: readonly Uint8Array[],
  { sender, receiver }: { readonly sender: WireVersion; readonly receiver: WireVersion },
): CrossVerdict {
  const type: DeclaredType = { kind: 'struct', struct };
  const walkOf = (version: WireVersion) => new MsgspecWalk(version, frames).message(type);
  let got: WalkedValue;
  try {
    got = walkOf(receiver);
  } catch (error) {
    if (!(error instanceof MsgspecFault)) throw error;
    return { verdict: 'rejected', error: error.error, words: error.message };
  }
  const meant = meantBy(() => walkOf(sender));
  const comparison = new Comparison();
  if (meant === null) comparison.unknown(got, '', false);
  else comparison.values(meant, got, '', false);
  const { misread, dropped } = comparison;
  if (misread.length > 0) return { verdict: 'misread', fields: misread };
  if (dropped.length > 0) return { verdict: 'fields_dropped', fields: dropped };
  return { verdict: 'ok' };
}

/** Null where the sender would not take its own message: then there is nothing to compare with. */
function meantBy(walk: () => WalkedValue): WalkedValue | null {
  try {
    return walk();
  } catch (error) {
    if (error instanceof MsgspecFault) return null;
    throw error;
  }
}

class Comparison {
  readonly misread: string[] = [];
  readonly dropped: DroppedField[] = [];

  values(meant: WalkedValue, got: WalkedValue, path: string, isInMap: boolean): void {
    if (meant.struct !== undefined && got.struct !== undefined) {
      this.#structs(meant.struct, got.struct, path, isInMap);
    }
    for (const [index, item] of (meant.items ?? []).entries()) {
      const other = got.items?.[index];
      if (other !== undefined) this.values(item, other, `${path}[${index}]`, isInMap);
    }
  }

  /** What the receiver skipped, without a sender's table that would name it. */
  unknown(got: WalkedValue, path: string, isInMap: boolean): void {
    const { struct } = got;
    for (const name of struct?.surplus ?? []) this.#drop(name, path, isInMap);
    for (const [name, value] of struct?.fields ?? [])
      this.unknown(value, join(path, name), isMapInside(value, isInMap));
    for (const [index, item] of (got.items ?? []).entries())
      this.unknown(item, `${path}[${index}]`, isMapInside(item, isInMap));
  }

  #structs(meant: WalkedStruct, got: WalkedStruct, path: string, isInMap: boolean): void {
    const known = new Set(got.table.fields.map(({ wire }) => wire));
    for (const [name, value] of meant.fields) {
      const other = got.fields.get(name);
      if (!known.has(name)) this.#drop(name, path, isInMap);
      else if (other === undefined || other.start !== value.start) {
        this.misread.push(join(path, name));
      } else this.values(value, other, join(path, name), isMapInside(value, isInMap));
    }
    // What neither version has a name for.
    const nameless = new Set(meant.surplus);
    for (const name of got.surplus) if (nameless.has(name)) this.#drop(name, path, isInMap);
  }

  #drop(name: string, path: string, isInMap: boolean): void {
    this.dropped.push({ name, path: join(path, name), isInMap });
  }
}

/** Whether fields of the value are in a map inside the message. */
function isMapInside({ struct, items }: WalkedValue, isInMap: boolean): boolean {
  const isMap = struct !== undefined && struct.table.layout !== 'array';
  const isListOfMaps = items?.some((item) => isMapInside(item, false)) ?? false;
  return isInMap || isMap || isListOfMaps;
}

function join(path: string, name: string): string {
  return path === '' || name.startsWith('[') ? `${path}${name}` : `${path}.${name}`;
}
