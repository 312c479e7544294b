/**
 * Finds the readable text of `--token-source corpus` in the ids of the tokenizer that the frontend decodes with: the
 * one beside the model's files, else the embedded one. Reads a file; never fails, since text is only a nicety.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Corpus, corpusFromVocabulary, embeddedCorpus } from './executor/corpus.ts';

/** A larger tokenizer.json would cost an engine process more memory than the rest of it. */
const MAX_TOKENIZER_BYTES = 32 * 2 ** 20;

/** Null where the tokenizer's vocabulary cannot write the text. */
export function loadCorpus(args: {
  readonly tokenizer: string | null;
  readonly model: string;
}): Corpus | null {
  const path = join(args.tokenizer ?? args.model, 'tokenizer.json');
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return embeddedCorpus();
  if (size > MAX_TOKENIZER_BYTES) return null;
  try {
    return corpusFromVocabulary(vocabularyOf(JSON.parse(readFileSync(path, 'utf8'))));
  } catch {
    // The frontend reads the same file and says what is wrong with it.
    return null;
  }
}

/** Entry → id, from a map (byte-pair) or a list of [entry, score] (unigram). */
function vocabularyOf(document: unknown): Map<string, number> {
  const { vocab } = (document as { model: { vocab: unknown } }).model;
  if (Array.isArray(vocab)) {
    return new Map(vocab.map((entry: unknown, id) => [String((entry as unknown[])[0]), id]));
  }
  return new Map(Object.entries(vocab as Record<string, number>));
}
