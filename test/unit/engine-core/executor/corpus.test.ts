import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Corpus,
  corpusFromVocabulary,
  embeddedCorpus,
} from '../../../../src/engine-core/executor/corpus.ts';
import { CORPUS_SENTENCES } from '../../../../src/engine-core/executor/corpus-text.ts';

const EMBEDDED_TOKENIZER = new URL(
  '../../../../src/shared/tokenizer/embedded/tokenizer.json',
  import.meta.url,
);

function vocabularyOf(url: URL): Map<string, number> {
  const { model } = JSON.parse(readFileSync(url, 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  return new Map(Object.entries(model.vocab));
}

function decode(corpus: Corpus, vocabulary: ReadonlyMap<string, number>): string {
  const entries = new Map([...vocabulary].map(([entry, id]) => [id, entry]));
  return corpus.tokenIds
    .map((id) => entries.get(id) ?? '?')
    .join('')
    .replaceAll('Ġ', ' ');
}

describe('the corpus', () => {
  const vocabulary = vocabularyOf(EMBEDDED_TOKENIZER);

  it('in ids of the embedded tokenizer is the text', () => {
    expect(decode(embeddedCorpus(), vocabulary)).toBe(CORPUS_SENTENCES.join(' '));
    // What to put into corpus-token-ids.ts when text or tokenizer change.
    expect(embeddedCorpus()).toEqual(corpusFromVocabulary(vocabulary));
  });

  it('starts a sentence wherever it says so', () => {
    const { sentenceStarts, tokenIds } = embeddedCorpus();
    expect(sentenceStarts).toHaveLength(CORPUS_SENTENCES.length);
    expect(sentenceStarts.every((start) => start < tokenIds.length)).toBe(true);
  });

  it('is given up for a vocabulary that cannot write it', () => {
    expect(corpusFromVocabulary(new Map([['T', 1]]))).toBeNull();
  });

  it('is plain ASCII, so that byte-level vocabularies need no table', () => {
    expect(CORPUS_SENTENCES.every((sentence) => /^[ -~]+$/.test(sentence))).toBe(true);
  });
});
