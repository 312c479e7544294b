import type { Edit } from '../finding.ts';
import type { SourceQuery } from '../source-query.ts';

/**
 * Whether the file has each unit that an edit of a query takes away. The name that stands for a template's `<<.Series>>` is
 * written elsewhere.
 */
export function isWritten({ from, to }: Edit, { offsets }: Pick<SourceQuery, 'offsets'>): boolean {
  for (let i = from; i < to; i++) if ((offsets[i] ?? 0) >= (offsets[i + 1] ?? 0)) return false;
  return true;
}
