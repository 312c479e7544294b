import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { embeddedCorpus } from '../../../src/engine-core/executor/corpus.ts';
import { loadCorpus } from '../../../src/engine-core/load-corpus.ts';

const TINY_MODEL = fileURLToPath(new URL('../../golden/tinymodel', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadCorpus', () => {
  it("uses the embedded tokenizer's ids for a model without files", () => {
    expect(loadCorpus({ tokenizer: null, model: 'Qwen/Qwen3-0.6B' })).toEqual(embeddedCorpus());
  });

  it("uses the ids of the model's own tokenizer, or of the one that is named", () => {
    expect(loadCorpus({ tokenizer: null, model: TINY_MODEL })).toEqual(embeddedCorpus());
    const entries = Array.from({ length: 95 }, (_, i) => [String.fromCharCode(32 + i), -1]);
    const vocab = [['<s>', 0], ['▁', -1], ...entries];
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ model: { vocab } }));
    const corpus = loadCorpus({ tokenizer: folder, model: TINY_MODEL });
    expect(corpus?.tokenIds.slice(0, 4)).toEqual(
      [...'The'].map((c) => c.charCodeAt(0) - 30).concat(1),
    );
  });

  it('does without for a file that it cannot use', () => {
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":');
    expect(loadCorpus({ tokenizer: folder, model: 'x' })).toBeNull();
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":{"vocab":{"T":0}}}');
    expect(loadCorpus({ tokenizer: folder, model: 'x' })).toBeNull();
  });
});
