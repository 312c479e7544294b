/** Blocks of code in a document: queries by themselves, and files that hold some. */
import { type PlacedText, type Source, stretch } from './placed-text.ts';

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

// Source: CommonMark 0.31, 4.5 Fenced code blocks
export function codeBlocks(source: Source): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
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
    }
    at += line.length + 1;
  }
  return blocks;
}

function closes(line: string, fence: string): boolean {
  const word = line.trim().replace(/^(?:> ?)+/, '');
  return word.length >= fence.length && word === (fence[0] ?? '').repeat(word.length);
}
