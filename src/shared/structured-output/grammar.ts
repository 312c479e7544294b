/**
 * What every kind of constraint is read into: expressions over characters, and rules by name. From them a text is made
 * (sentence.ts) and texts are judged (recognizer.ts).
 */

/** First and last code point, both included. */
export type CharRange = readonly [number, number];

export type Expr =
  | { readonly kind: 'text'; readonly text: string }
  /** One character of any of the ranges; none of them where the list is empty. */
  | { readonly kind: 'chars'; readonly ranges: readonly CharRange[] }
  | { readonly kind: 'seq'; readonly items: readonly Expr[] }
  | { readonly kind: 'choice'; readonly options: readonly Expr[] }
  /** `max` null: without end. */
  | {
      readonly kind: 'repeat';
      readonly item: Expr;
      readonly min: number;
      readonly max: number | null;
    }
  | { readonly kind: 'rule'; readonly name: string }
  /** A JSON document that follows the schema. */
  | { readonly kind: 'json'; readonly schema: unknown }
  /** Free text that ends before any of these, which may follow it. */
  | { readonly kind: 'prose'; readonly until: readonly string[] };

export interface Grammar {
  readonly root: Expr;
  readonly rules: ReadonlyMap<string, Expr>;
}

/** A constraint that cannot be read, or that no text fulfils. */
export class GrammarError extends Error {}

const NO_RULES: ReadonlyMap<string, Expr> = new Map();

export const EMPTY: Expr = { kind: 'text', text: '' };

const LAST_BEFORE_SURROGATES = 0xd7ff;
const FIRST_AFTER_SURROGATES = 0xe000;
const LAST_CODE_POINT = 0x10ffff;

export function grammarOf(root: Expr): Grammar {
  return { root, rules: NO_RULES };
}

export function text(value: string): Expr {
  return { kind: 'text', text: value };
}

export function chars(ranges: readonly CharRange[]): Expr {
  return { kind: 'chars', ranges };
}

export function seq(items: readonly Expr[]): Expr {
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: 'seq', items };
}

export function choice(options: readonly Expr[]): Expr {
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
}

export function repeat(item: Expr, min: number, max: number | null): Expr {
  return min === 1 && max === 1 ? item : { kind: 'repeat', item, min, max };
}

/** Sorted, without overlaps. */
export function joinRanges(ranges: readonly CharRange[]): CharRange[] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = joined[joined.length - 1];
    if (previous !== undefined && first <= previous[1] + 1)
      previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** Every character that is in none of the ranges. */
export function otherChars(ranges: readonly CharRange[]): CharRange[] {
  const others: CharRange[] = [];
  let next = 0;
  const surrogates: CharRange = [LAST_BEFORE_SURROGATES + 1, FIRST_AFTER_SURROGATES - 1];
  for (const [first, last] of joinRanges([...ranges, surrogates])) {
    if (first > next) others.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) others.push([next, LAST_CODE_POINT]);
  return others;
}

export function isInRanges(ranges: readonly CharRange[], codePoint: number): boolean {
  return ranges.some(([first, last]) => codePoint >= first && codePoint <= last);
}
