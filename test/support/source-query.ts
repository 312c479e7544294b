/** Queries as the readers of files hand them to the rules. */
import type { QueryKind, SourceQuery } from '../../src/lint/source-query.ts';

export function sourceQuery(text: string, kind: QueryKind = 'query'): SourceQuery {
  return {
    kind,
    title: '',
    text,
    offsets: Array.from({ length: text.length + 1 }, (_, index) => index),
    line: 1,
    escape: (inserted) => inserted,
  };
}
