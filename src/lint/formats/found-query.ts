import type { QueryKind } from '../source-query.ts';
import type { TextNode } from './file-node.ts';

/** A query that a reader of a format found, before its places are worked out. */
export interface FoundQuery {
  readonly kind: QueryKind;
  readonly title: string;
  readonly text: TextNode;
  readonly wantsOneValue?: boolean;
}

/** Adds a text, if it is one and says something. */
export function found(
  kind: QueryKind,
  title: string,
  ...texts: readonly (TextNode | null)[]
): readonly FoundQuery[] {
  return texts.flatMap((text) =>
    text === null || text.value.trim() === '' ? [] : [{ kind, title, text }],
  );
}
