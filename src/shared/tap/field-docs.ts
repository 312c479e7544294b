/** What the structs of the wire and their fields mean, in vLLM's sense, and where vLLM has them. */

interface StructDoc {
  /** vLLM's file. */
  readonly file: string;
  readonly fields: Readonly<Record<string, string>>;
}

const STRUCTS: Readonly<Record<string, StructDoc>> = {};

/** Null where there is nothing to say. */
export function docOf(
  struct: string,
  field: string,
): { readonly doc: string | null; readonly source: string | null } {
  const known = Object.hasOwn(STRUCTS, struct) ? STRUCTS[struct] : undefined;
  if (known === undefined) return { doc: null, source: null };
  const doc = Object.hasOwn(known.fields, field) ? known.fields[field] : undefined;
  return { doc: doc ?? null, source: `${known.file} ${struct}` };
}
