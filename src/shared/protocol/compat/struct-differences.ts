/** How the structs of one version's wire differ from another's, field by field. Pure; from the tables alone. */
import { type DeclaredType, declaredText } from '../declared-type.ts';
import type { StructField, StructTable } from '../struct-table.ts';
import type { WireVersion } from '../wire-version.ts';
import { messageStruct, TYPED_MESSAGE_KINDS } from './cross-decode.ts';
import { tableOf } from './msgspec-walk.ts';

export interface FieldForm {
  /** In Python's words. */
  readonly type: string;
  readonly required: boolean;
  /** null for a required field. */
  readonly default: unknown;
}

export interface PlacedField extends FieldForm {
  readonly name: string;
  /** From 0, in its own version's order. */
  readonly at: number;
}

export interface ChangedField {
  readonly name: string;
  readonly from: FieldForm;
  readonly to: FieldForm;
}

/** `sparse` is a map without the fields that have their default. */
export type Encoding = StructTable['layout'] | 'named tuple';

export interface StructDifference {
  /** vLLM's class name. */
  readonly name: string;
  /** Null where it is the same. */
  readonly encoding: { readonly from: Encoding; readonly to: Encoding } | null;
  readonly added: readonly PlacedField[];
  readonly removed: readonly PlacedField[];
  readonly changed: readonly ChangedField[];
  /** Nothing is removed, and what is added stands behind all others. */
  readonly isAppendedOnly: boolean;
  /** Fields that both versions have stand in another order. */
  readonly isReordered: boolean;
  /** An array in which a field that both versions have stands at another place. */
  readonly breaksPositions: boolean;
}

export interface StructDifferences {
  /** Structs that only one of them says anywhere, by vLLM's class names. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly StructDifference[];
}

/** Structs as they are in messages of `from`, against those of `to`; each list in the order of names. */
export function structDifferences(from: WireVersion, to: WireVersion): StructDifferences {
  const [before, after] = [structsOf(from), structsOf(to)];
  const changed = [...before].flatMap(([name, table]) => {
    const other = after.get(name);
    return other === undefined ? [] : differenceOf(table, other, from, to);
  });
  return {
    added: [...after.keys()].filter((name) => !before.has(name)).sort(),
    removed: [...before.keys()].filter((name) => !after.has(name)).sort(),
    changed: changed.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Every struct that a message of the version has in it. */
function structsOf(version: WireVersion): ReadonlyMap<string, StructTable> {
  const found = new Map<string, StructTable>();
  const visit = (struct: string): void => {
    const table = tableOf(version, struct);
    if (found.has(table.name)) return;
    found.set(table.name, table);
    for (const { type } of table.fields) structNames(type.declared).forEach(visit);
  };
  for (const kind of TYPED_MESSAGE_KINDS) visit(messageStruct(kind));
  return found;
}

/** Structs inside a type, by their names in the code. */
function structNames(type: DeclaredType): readonly string[] {
  switch (type.kind) {
    case 'struct':
      return [type.struct];
    case 'tagged':
      return type.structs;
    case 'list':
    case 'set':
    case 'tuple':
      return structNames(type.of);
    case 'dict':
      return structNames(type.values);
    case 'union':
      return type.of.flatMap(structNames);
    default:
      return [];
  }
}

function differenceOf(
  before: StructTable,
  after: StructTable,
  from: WireVersion,
  to: WireVersion,
): readonly StructDifference[] {
  const [old, fresh] = [placesOf(before, from), placesOf(after, to)];
  const added = [...fresh.values()].filter(({ name }) => !old.has(name));
  const removed = [...old.values()].filter(({ name }) => !fresh.has(name));
  const shared = [...old.values()].filter(({ name }) => fresh.has(name));
  const changed = shared.flatMap((field) => changeOf(field, fresh.get(field.name) as PlacedField));
  const places = shared.map(({ name }) => (fresh.get(name) as PlacedField).at);
  const [encodingBefore, encodingAfter] = [encodingOf(before), encodingOf(after)];
  const isSame = encodingBefore === encodingAfter;
  const isReordered = places.some((at, index) => index > 0 && at < (places[index - 1] as number));
  if (isSame && !isReordered && added.length + removed.length + changed.length === 0) return [];
  const isArray = after.layout === 'array' && before.layout === 'array';
  return [
    {
      name: before.name,
      encoding: isSame ? null : { from: encodingBefore, to: encodingAfter },
      added,
      removed,
      changed,
      isAppendedOnly: removed.length === 0 && added.every(({ at }) => at >= old.size),
      isReordered,
      breaksPositions: isArray && shared.some(({ at }, index) => at !== places[index]),
    },
  ];
}

function placesOf(table: StructTable, version: WireVersion): ReadonlyMap<string, PlacedField> {
  return new Map(
    table.fields.map((field, at) => [
      field.wire,
      { name: field.wire, at, ...formOf(field, version) },
    ]),
  );
}

function formOf({ type, required, fallback }: StructField, version: WireVersion): FieldForm {
  const text = declaredText(type.declared, (struct) => tableOf(version, struct).name);
  return { type: text, required, default: required ? null : (fallback ?? null) };
}

function changeOf(before: PlacedField, after: PlacedField): readonly ChangedField[] {
  const form = ({ type, required, default: value }: PlacedField): FieldForm => ({
    type,
    required,
    default: value,
  });
  const [from, to] = [form(before), form(after)];
  // A struct's own defaults are told where the struct is.
  const isSame = JSON.stringify(withoutStruct(from)) === JSON.stringify(withoutStruct(to));
  return isSame ? [] : [{ name: before.name, from, to }];
}

function withoutStruct(form: FieldForm): FieldForm {
  const { default: value } = form;
  const isStruct = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  return isStruct ? { ...form, default: 'made by the struct' } : form;
}

function encodingOf({ layout, isExact }: StructTable): Encoding {
  return isExact === true ? 'named tuple' : layout;
}
