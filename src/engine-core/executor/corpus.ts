/**
 * Text as token ids without a tokenizer: any split of a text into vocabulary entries decodes to that text, so the
 * longest match will do where a real byte-pair encoding would take its merges in order.
 */
import { CORPUS_SENTENCES } from './corpus-text.ts';
import { EMBEDDED_CORPUS_TOKEN_IDS } from './corpus-token-ids.ts';

/** How vocabularies write a space: byte-level ones, and those of SentencePiece. The text is plain ASCII otherwise. */
const SPACES = ['Ġ', '▁'] as const;

export interface Corpus {
  readonly tokenIds: readonly number[];
  /** Indices into `tokenIds`, ascending, the first one 0. */
  readonly sentenceStarts: readonly number[];
}

/** For the tokenizer that the frontend falls back to where a model brings none. */
export function embeddedCorpus(): Corpus {
  return joinSentences(EMBEDDED_CORPUS_TOKEN_IDS);
}

/**
 * For a byte-pair vocabulary (entry → id), as tokenizer.json has it under `model.vocab`. Null if some
 * character of the text cannot be written in it.
 */
export function corpusFromVocabulary(vocabulary: ReadonlyMap<string, number>): Corpus | null {
  const space = SPACES.find((mark) => vocabulary.has(mark)) ?? ' ';
  let longest = 0;
  for (const entry of vocabulary.keys()) longest = Math.max(longest, entry.length);
  const sentences: number[][] = [];
  for (const [index, sentence] of CORPUS_SENTENCES.entries()) {
    // Words carry the space before them, so every sentence but the first of an answer needs one too.
    const text = (index === 0 ? sentence : ` ${sentence}`).replaceAll(' ', space);
    const ids = segment(text, vocabulary, longest);
    if (ids === null) return null;
    sentences.push(ids);
  }
  return joinSentences(sentences);
}

function joinSentences(sentences: readonly (readonly number[])[]): Corpus {
  const tokenIds: number[] = [];
  const sentenceStarts: number[] = [];
  for (const sentence of sentences) {
    sentenceStarts.push(tokenIds.length);
    tokenIds.push(...sentence);
  }
  return { tokenIds, sentenceStarts };
}

function segment(
  text: string,
  vocabulary: ReadonlyMap<string, number>,
  longest: number,
): number[] | null {
  const ids: number[] = [];
  let position = 0;
  while (position < text.length) {
    let length = Math.min(longest, text.length - position);
    let id = vocabulary.get(text.slice(position, position + length));
    while (id === undefined && length > 1) {
      length -= 1;
      id = vocabulary.get(text.slice(position, position + length));
    }
    if (id === undefined) return null;
    ids.push(id);
    position += length;
  }
  return ids;
}
