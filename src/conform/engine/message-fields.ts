/** A message's fields against its table: what is missing, unknown, or of another type, each in words. */
import { DecodeFault } from '../../shared/protocol/msgpack-reader.ts';
import type { StructTable } from '../../shared/protocol/struct-table.ts';
import { FieldWalk, type WalkedField } from '../../shared/tap/field-walk.ts';
import type { Frame } from '../../shared/transport/transport.ts';

export interface MessageFields {
  /** By vLLM's names; those that are there. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
  /** `block_size: expected an int, got a str`. */
  readonly mistyped: readonly string[];
  /** Why the message as a whole is none; null where it can be read. */
  readonly problem: string | null;
}

const NONE: Omit<MessageFields, 'problem'> = {
  values: new Map(),
  missing: [],
  unknown: [],
  mistyped: [],
};

export function readFields(table: StructTable, frames: readonly Frame[]): MessageFields {
  if (frames.length !== 1) return { ...NONE, problem: `${frames.length} parts instead of one` };
  const walk = new FieldWalk(frames, 0);
  let fields: readonly WalkedField[];
  try {
    fields = walk.struct(table);
  } catch (error) {
    if (!(error instanceof DecodeFault)) throw error;
    return { ...NONE, problem: error.message };
  }
  const is = (field: WalkedField, word: string): boolean =>
    field.problem?.startsWith(word) ?? false;
  const there = fields.filter(({ bytes }) => bytes !== null);
  const unknown = there.filter((field) => is(field, 'unknown:'));
  return {
    values: new Map(
      there.filter((field) => !unknown.includes(field)).map(({ name, value }) => [name, value]),
    ),
    missing: table.fields
      .filter(({ wire }) => !there.some(({ name }) => name === wire))
      .map(({ wire }) => wire),
    unknown: unknown.map(({ name }) => name),
    mistyped: there
      .filter((field) => !unknown.includes(field))
      .flatMap((field) => problemsOf(field).map((problem) => `${field.name}: ${problem}`)),
    problem: walk.rest(),
  };
}

function problemsOf(field: WalkedField): readonly string[] {
  const own = field.problem === null ? [] : [field.problem];
  const inner = (field.fields ?? []).flatMap((inside) =>
    problemsOf(inside).map((problem) => `${inside.name}: ${problem}`),
  );
  return [...own, ...inner];
}
