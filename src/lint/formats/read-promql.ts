/** Several queries in a row, as people write them down: parted by empty lines, comments or line ends alone. */
import { tokensOf } from '../promql/tokens.ts';
import { type PlacedText, slice, trimmed } from './placed-text.ts';

/** Lines of one piece that are tried as queries of their own. */
const MAX_LINES = 200;

/** `parses`: whether a text is one whole query. */
export function splitQueries(
  whole: PlacedText,
  parses: (text: string) => boolean,
): readonly PlacedText[] {
  const one = withoutComments(whole);
  if (one === null) return [];
  if (parses(one.text)) return [one];
  return pieces(whole).flatMap((piece) => splitPiece(piece, parses));
}

function splitPiece(piece: PlacedText, parses: (text: string) => boolean): readonly PlacedText[] {
  const bare = withoutComments(piece);
  if (bare === null) return [];
  const lines = lineRanges(bare.text);
  if (parses(bare.text) || lines.length > MAX_LINES) return [bare];
  const queries: PlacedText[] = [];
  let from = 0;
  let unread = 0;
  const flush = (until: number): void => {
    if (until > unread) queries.push(cut(bare, lines, unread, until));
  };
  while (from < lines.length) {
    let to = lines.length;
    // The longest run of lines that is a query: what follows an operator belongs to it.
    while (to > from && !parses(cut(bare, lines, from, to).text)) to -= 1;
    if (to === from) {
      from += 1;
      continue;
    }
    flush(from);
    queries.push(cut(bare, lines, from, to));
    from = to;
    unread = to;
  }
  flush(lines.length);
  return queries.flatMap((query) => withoutComments(query) ?? []);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function lineRanges(text: string): readonly Range[] {
  const ranges: Range[] = [];
  let from = 0;
  for (const line of text.split('\n')) {
    ranges.push({ from, to: from + line.length });
    from += line.length + 1;
  }
  return ranges;
}

const cut = (text: PlacedText, lines: readonly Range[], first: number, end: number): PlacedText =>
  slice(text, lines[first]?.from ?? 0, lines[end - 1]?.to ?? 0);

/** Parted by empty lines that are not inside brackets. */
function pieces(whole: PlacedText): readonly PlacedText[] {
  const lines = lineRanges(whole.text);
  const inside = linesInside(whole.text, lines);
  const isEmpty = (at: number): boolean => {
    const { from = 0, to = 0 } = lines[at] ?? {};
    return whole.text.slice(from, to).trim() === '' && !inside.has(at);
  };
  const found: PlacedText[] = [];
  let first = 0;
  for (let i = 0; i <= lines.length; i++) {
    if (i < lines.length && !isEmpty(i)) continue;
    if (i > first) found.push(cut(whole, lines, first, i));
    first = i + 1;
  }
  return found;
}

/** Lines whose beginning is inside brackets; none where one is not closed, since nothing can be said then. */
function linesInside(text: string, lines: readonly Range[]): ReadonlySet<number> {
  const inside = new Set<number>();
  let depth = 0;
  let at = 0;
  for (const { kind, from } of tokensOf(text)) {
    for (; (lines[at]?.from ?? text.length) <= from && at < lines.length; at++)
      if (depth > 0) inside.add(at);
    if (kind === 'open') depth += 1;
    if (kind === 'close') depth -= 1;
  }
  return depth === 0 ? inside : new Set();
}

/** Without what is only said before and behind it; null where nothing is left. */
function withoutComments(placed: PlacedText): PlacedText | null {
  const tokens = tokensOf(placed.text);
  const first = tokens[0];
  const last = tokens.at(-1);
  return first === undefined || last === undefined
    ? null
    : trimmed(slice(placed, first.from, last.to));
}
