import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSentenceTransformers } from '../../../../src/capacity/file/sentence-transformers-file.ts';

describe('config_sentence_transformers.json', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sentence-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const promptsOf = (config: object) => {
    writeFileSync(join(folder, 'config_sentence_transformers.json'), JSON.stringify(config));
    return readSentenceTransformers(folder).prompts;
  };

  it('says what stands before a text of each kind', () => {
    expect(readSentenceTransformers(folder).prompts).toBeNull();
    const prompts = { query: 'Instruct: find\nQuery: ', document: '', odd: 3 };
    expect(promptsOf({ prompts })).toEqual({ query: 'Instruct: find\nQuery: ', document: '' });
  });

  it.each([{}, { prompts: {} }, { prompts: null }, { prompts: 'query' }])(
    'says nothing with %j',
    (config) => {
      expect(promptsOf(config)).toBeNull();
    },
  );
});
