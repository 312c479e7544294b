/** The structs of a vLLM version as recorded from its package, and how our tables differ from them. */
import { declaredText } from '../../src/shared/protocol/declared-type.ts';
import type { StructField, StructTable } from '../../src/shared/protocol/struct-table.ts';
import type { WireVersion } from '../../src/shared/protocol/wire-version.ts';

interface RecordedField {
  readonly name: string;
  readonly type: string;
  readonly required?: true;
  readonly default?: unknown;
  readonly default_factory?: string;
}

interface RecordedTable {
  readonly kind: string;
  readonly encoding?: string;
  readonly omit_defaults?: boolean;
  readonly tag?: string | null;
  readonly fields?: readonly RecordedField[];
}

export type RecordedTables = Readonly<Record<string, RecordedTable>>;

/** Structs that are on no socket of ours, and why. */
const NOT_ON_THE_WIRE: ReadonlyMap<string, string> = new Map([
  ['UtilityResult', 'a class without fields: its encoding is a hook'],
  ['ReconfigureDistributedRequest', 'an argument of a utility call, which has no type'],
  ['BaseCacheStats', 'a base class'],
  ['MultiModalCacheStats', 'stays in its process'],
  ['EventBatch', 'a base class'],
  ['KVCacheEvent', 'a base class'],
]);

/** Types whose name is another name's in the recordings. */
const ALIASES: readonly (readonly [RegExp, string])[] = [
  [/^'(.*)'$/, '$1'],
  [/^Annotated\[np\.ndarray, .*\](?= \| None$)/, 'np.ndarray'],
  [/\bMapping\[/g, 'dict['],
  [/\bdict\b(?!\[)/g, 'dict[Any, Any]'],
  [/\bExternalBlockHash\b/g, 'bytes | int'],
  [/\bUtilityResult\b/g, 'UtilityResult'],
  [
    /\bPoolingTask\b/g,
    "Literal['embed', 'classify', 'token_embed', 'token_classify', 'plugin', 'embed&token_classify']",
  ],
];

/** The default in JSON: an enum's value, an empty list for a set. */
export function recordedDefault(field: RecordedField): unknown {
  const value = field.default;
  const isEnum = typeof value === 'object' && value !== null && '$enum' in value;
  if (isEnum) return (value as unknown as { readonly value: unknown }).value;
  return value ?? null;
}

/** What a factory makes, in JSON. */
const MADE_BY: Readonly<Record<string, unknown>> = { list: [], set: [], dict: {} };

/** Defaults that vLLM's `__post_init__` replaces before anybody sees them. */
const AFTER_INIT: ReadonlyMap<string, unknown> = new Map([['KVEventsConfig.publisher', 'null']]);

/** Each difference in words: struct, field, what is recorded, what we have. Empty where there is none. */
export function differingFields(version: WireVersion, recorded: RecordedTables): string[] {
  const tables: Readonly<Record<string, StructTable>> = {
    ...(version.tables as unknown as Readonly<Record<string, StructTable>>),
    ...version.described,
  };
  const byName = new Map(Object.values(tables).map((table) => [table.name, table]));
  return Object.entries(recorded).flatMap(([name, table]) => {
    if (table.kind === 'enum' || NOT_ON_THE_WIRE.has(name)) return [];
    const ours = byName.get(name);
    if (ours === undefined) return [`${name}: recorded, no table of ours`];
    return tableDifferences(ours, table, tables).map((words) => `${name}${words}`);
  });
}

function tableDifferences(
  ours: StructTable,
  recorded: RecordedTable,
  tables: Readonly<Record<string, StructTable>>,
): string[] {
  const { fields = [] } = recorded;
  const nameOf = (struct: string): string => tables[struct]?.name ?? struct;
  const found: string[] = [];
  const compare = (what: string, expected: unknown, got: unknown): void => {
    const [left, right] = [JSON.stringify(expected), JSON.stringify(got)];
    if (left !== right) found.push(`${what}: expected ${left}, got ${right}`);
  };
  compare(', layout', layoutOf(recorded), { layout: ours.layout, isExact: ours.isExact ?? false });
  compare(', tag', recorded.tag ?? null, ours.tag ?? null);
  compare(
    ', fields',
    fields.map((field) => field.name),
    ours.fields.map((field) => field.wire),
  );
  for (const [index, field] of fields.entries()) {
    const mine = ours.fields[index];
    if (mine?.wire !== field.name) continue;
    compare(`.${field.name}, required`, field.required ?? false, mine.required);
    compare(`.${field.name}, type`, recordedType(field.type), typeOf(mine, nameOf));
    if (field.required === true) continue;
    const afterInit = AFTER_INIT.get(`${ours.name}.${field.name}`);
    compare(`.${field.name}, default`, afterInit ?? defaultOf(field), mineOf(mine, tables));
  }
  return found;
}

function layoutOf({ kind, encoding, omit_defaults: omits }: RecordedTable) {
  const isArray = encoding === 'array';
  const map = omits === true ? 'sparse' : 'map';
  return { layout: isArray ? 'array' : map, isExact: kind === 'NamedTuple' };
}

export function recordedType(type: string): string {
  let text = type;
  for (const [pattern, name] of ALIASES) text = text.replace(pattern, name);
  return text;
}

function typeOf({ type }: StructField, nameOf: (struct: string) => string): string {
  return declaredText(type.declared, nameOf);
}

function defaultOf(field: RecordedField): unknown {
  const { default_factory: factory } = field;
  return factory === undefined ? recordedDefault(field) : (MADE_BY[factory] ?? factory);
}

function mineOf({ type, fallback }: StructField, tables: Readonly<Record<string, StructTable>>) {
  const { declared } = type;
  if (declared.kind !== 'struct') return fallback ?? null;
  // A struct of nothing but defaults is told by its name.
  const table = tables[declared.struct];
  const values = fallback as Readonly<Record<string, unknown>>;
  const isDefault = table?.fields.every(
    (field) => JSON.stringify(values[field.key]) === JSON.stringify(field.fallback),
  );
  return isDefault === true ? table?.name : fallback;
}
