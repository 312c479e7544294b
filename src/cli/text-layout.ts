/** Plain text for a terminal of 80 columns: wrapped paragraphs, aligned tables, colours where they are welcome. */

export const PAGE_WIDTH = 80;

export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly warn: (text: string) => string;
}

const plain = (text: string): string => text;
const ansi =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${open}m${text}\u001b[${close}m`;

export const PLAIN_PALETTE: Palette = { bold: plain, dim: plain, warn: plain };
export const COLOUR_PALETTE: Palette = { bold: ansi(1, 22), dim: ansi(2, 22), warn: ansi(33, 39) };

/** Lines of at most `width` characters; a word longer than that stays whole. */
export function wrap(text: string, indent = '', width = PAGE_WIDTH): string[] {
  return wrapWords(text.split(' '), width - indent.length).map((line) => indent + line);
}

/** Words, a space apart, in lines of at most `width` characters; a longer word has a line of its own. */
export function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line === '') line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** A table with a header line; columns are as wide as their widest cell, two spaces apart. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly indent?: string; readonly palette: Palette },
): string[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const indent = options.indent ?? '';
  const layOut = (cells: readonly string[]): string => {
    const padded = columns.map(({ align }, i) => {
      const cell = cells[i] ?? '';
      const width = widths[i] ?? 0;
      return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
    });
    return `${indent}${padded.join('  ')}`.trimEnd();
  };
  return [options.palette.dim(layOut(columns.map(({ title }) => title))), ...rows.map(layOut)];
}

/** `left … right`, the right part ending at the page's edge; on a line of its own where both do not fit. */
export function spread(
  left: string,
  right: string,
  emphasize: (text: string) => string = plain,
): string[] {
  const gap = PAGE_WIDTH - left.length - right.length;
  if (gap >= 2) return [left + ' '.repeat(gap) + emphasize(right)];
  return [left, ' '.repeat(Math.max(0, PAGE_WIDTH - right.length)) + emphasize(right)];
}
