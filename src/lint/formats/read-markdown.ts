/** Code in a document: blocks with queries by themselves or with files that hold some, and queries in a line of text. */
import { type PlacedText, type Source, slice, stretch } from './placed-text.ts';

export interface DocumentCode {
  readonly blocks: readonly CodeBlock[];
  /** What stands between backticks in lines of text and tables. */
  readonly spans: readonly PlacedText[];
}

export interface CodeBlock {
  readonly language: string;
  readonly content: PlacedText;
}

interface OpenBlock {
  readonly fence: string;
  readonly language: string;
  readonly from: number;
}

const OPENING = /^([ \t]*)(?:[>*+-] +|\d+[.)] +)*(`{3,}|~{3,})[ \t]*\{?\.?([\w+#-]*)/;

/** Of one line: as many backticks behind it as before it. */
const SPAN = /(?<!`)(`{1,3})(?!`)(.{3,4000}?)(?<!`)\1(?!`)/g;

// Source: CommonMark 0.31, 4.5 Fenced code blocks and 6.1 Code spans
export function documentCode(source: Source): DocumentCode {
  const blocks: CodeBlock[] = [];
  const spans: PlacedText[] = [];
  let open: OpenBlock | null = null;
  let at = 0;
  for (const line of source.text.split('\n')) {
    const opening: RegExpExecArray | null = open === null ? OPENING.exec(line) : null;
    if (opening !== null) {
      const fence: string = opening[2] ?? '';
      const language: string = opening[3] ?? '';
      open = { fence, language: language.toLowerCase(), from: at + line.length + 1 };
    } else if (open !== null && closes(line, open.fence)) {
      const to = Math.max(open.from, at - 1);
      blocks.push({ language: open.language, content: stretch(source, open.from, to) });
      open = null;
    } else if (open === null) {
      spans.push(...spansOf(line, at, source));
    }
    at += line.length + 1;
  }
  return { blocks, spans };
}

function spansOf(line: string, at: number, source: Source): readonly PlacedText[] {
  if (!line.includes('`')) return [];
  const isRow = /^\s*\|/.test(line);
  return [...line.matchAll(SPAN)].map(({ index, 1: fence = '', 2: code = '' }) => {
    const from = at + index + fence.length;
    const placed = stretch(source, from, from + code.length);
    return isRow ? withoutEscapes(placed) : placed;
  });
}

/** In a table's row a bar is written with a backslash, in code as well. Source: GitHub Flavored Markdown, 4.10 Tables */
function withoutEscapes(placed: PlacedText): PlacedText {
  if (!placed.text.includes('\\|')) return placed;
  const kept = [...placed.text.matchAll(/\\(?=\|)|[^\\]+|\\/g)].filter(
    ({ 0: part, index }) => part !== '\\' || placed.text[index + 1] !== '|',
  );
  return {
    text: kept.map(([part]) => part).join(''),
    offsets: [
      ...kept.flatMap(
        ({ 0: part, index }) => slice(placed, index, index + part.length - 1).offsets,
      ),
      placed.offsets[placed.text.length] ?? 0,
    ],
    escape: (text) => placed.escape(text.replaceAll('|', '\\|')),
  };
}

function closes(line: string, fence: string): boolean {
  const word = line.trim().replace(/^(?:> ?)+/, '');
  return word.length >= fence.length && word === (fence[0] ?? '').repeat(word.length);
}

/** Neither `<<<`, which hands over a word, nor what shifts in arithmetic. */
const HEREDOC = /(?<!<)<<-?\s*(['"]?)([A-Za-z_]\w*)\1/;
const ARITHMETIC = /\$?\(\([^()]*\)\)/g;

/** What commands of a block are given to read, up to a word on a line of its own: `kubectl apply -f - <<'EOF'`. */
export function heredocs(content: PlacedText): readonly PlacedText[] {
  const lines = content.text.split('\n');
  const words = lines.map((line) => line.trim());
  const starts = startsOf(lines);
  const lastOf = new Map(words.map((word, index) => [word, index]));
  const found: PlacedText[] = [];
  for (let i = 0; i < lines.length; i++) {
    const word = HEREDOC.exec((lines[i] ?? '').replace(ARITHMETIC, ''))?.[2];
    // A word that never comes was none: the shell of a document may be anything.
    if (word === undefined || (lastOf.get(word) ?? -1) <= i) continue;
    const end = words.indexOf(word, i + 1);
    const from = starts[i + 1] ?? 0;
    found.push(slice(content, from, Math.max(from, (starts[end] ?? 0) - 1)));
    i = end;
  }
  return found;
}

function startsOf(lines: readonly string[]): readonly number[] {
  let at = 0;
  return lines.map((line) => {
    const start = at;
    at += line.length + 1;
    return start;
  });
}

/** A parameter of curl in a shell's quotes. */
const SENT = /--data(?:-urlencode)?[ =]+(?:'query=([^']+)'|"query=([^"\\]+)")/g;

/** What commands of a block ask Prometheus. */
export function curlQueries({ text, ...block }: PlacedText): readonly PlacedText[] {
  return [...text.matchAll(SENT)].map(({ 0: whole, 1: single, 2: double, index }) => {
    const query = single ?? double ?? '';
    const to = index + whole.length - 1;
    return slice({ text, ...block }, to - query.length, to);
  });
}
