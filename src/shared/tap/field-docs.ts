/** What the structs of the wire and their fields mean, in vLLM's sense, and where vLLM has them. */
import { OUTPUT_DOCS } from './field-docs/output-docs.ts';
import { REQUEST_DOCS } from './field-docs/request-docs.ts';
import { STARTUP_DOCS } from './field-docs/startup-docs.ts';
import { STATS_DOCS } from './field-docs/stats-docs.ts';
import type { StructDocs } from './field-docs/struct-doc.ts';

/** By vLLM's names. */
export const STRUCT_DOCS: StructDocs = {
  ...STARTUP_DOCS,
  ...REQUEST_DOCS,
  ...OUTPUT_DOCS,
  ...STATS_DOCS,
};

/** Null where there is nothing to say. */
export function docOf(
  struct: string,
  field: string,
): { readonly doc: string | null; readonly source: string | null } {
  const known = Object.hasOwn(STRUCT_DOCS, struct) ? STRUCT_DOCS[struct] : undefined;
  if (known === undefined) return { doc: null, source: null };
  const doc = Object.hasOwn(known.fields, field) ? known.fields[field] : undefined;
  return { doc: doc ?? null, source: `${known.file} ${known.symbol ?? struct}` };
}
