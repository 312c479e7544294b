/** A query with a mark under the place that is spoken of, cut to a width. */

/** Of the cut query before and behind what is left out. */
const ELLIPSIS = '…';
/** What is shown of a query before the place, where not all fits. */
const LEAD = 0.3;

/** Two lines: the query's line in which the place begins, and the mark under it. */
export function excerpt(
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
  width: number,
): readonly [line: string, mark: string] {
  const lineStart = text.lastIndexOf('\n', Math.max(0, from - 1)) + 1;
  const start = text[from] === '\n' || from < lineStart ? from : lineStart;
  const lineEnd = text.indexOf('\n', from);
  const end = lineEnd < 0 ? text.length : lineEnd;
  const margin = /^\s*/.exec(text.slice(start, from))?.[0].length ?? 0;
  return marked(text, { start: start + margin, from, to: Math.min(to, end), end }, width);
}

interface Stretch {
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

function marked(text: string, at: Stretch, width: number): readonly [string, string] {
  let { start, end } = at;
  if (end - start > width) {
    start = Math.max(start, Math.min(at.from - Math.floor(width * LEAD), end - width));
    end = Math.min(end, start + width);
  }
  const head = start > at.start ? ELLIPSIS : '';
  const tail = end < at.end ? ELLIPSIS : '';
  const shown = head + text.slice(start + head.length, end - tail.length) + tail;
  const before = visible(text.slice(start, at.from));
  const under = visible(text.slice(at.from, Math.max(at.from + 1, Math.min(at.to, end))));
  return [visible(shown), ' '.repeat(columns(before)) + '^'.repeat(Math.max(1, columns(under)))];
}

/** A text on one line: what would move the cursor, or command the terminal, is a space. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ');

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

/** How many columns of a terminal a text takes. */
const columns = (text: string): number => [...text].length + (text.match(WIDE)?.length ?? 0);
