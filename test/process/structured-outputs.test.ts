/** Constrained requests to a server of processes: the engine's thread with the tokenizer, and a vocabulary of full size. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CONSTRAINED_REQUESTS, expectConstrained } from '../support/constrained-requests.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

const VOCABULARY_SIZE = 150_000;
const SIZES = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];

/** The tiny model with so many more tokens in its vocabulary, each of which merges two others. */
function largeModel(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-vocabulary-'));
  for (const name of ['config.json', 'tokenizer_config.json', 'generation_config.json']) {
    const text = readFileSync(join(TINYMODEL, name), 'utf8');
    writeFileSync(
      join(folder, name),
      text.replace(/"vocab_size": \d+/, `"vocab_size": ${VOCABULARY_SIZE}`),
    );
  }
  const tokenizer = JSON.parse(readFileSync(join(TINYMODEL, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number>; merges: [string, string][] };
  };
  const { vocab, merges } = tokenizer.model;
  const words = Object.keys(vocab).filter((token) => /^[a-z]{2,}$/.test(token));
  let id = Object.keys(vocab).length;
  for (const first of words) {
    for (const second of words) {
      if (id >= VOCABULARY_SIZE) break;
      if (Object.hasOwn(vocab, first + second)) continue;
      vocab[first + second] = id;
      merges.push([first, second]);
      id += 1;
    }
  }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  return folder;
}

describe.each(['rule', 'random', 'corpus'])('a server whose token source is %s', (source) => {
  let twin: Twin;
  let url = '';

  beforeAll(async () => {
    twin = new Twin(['serve', TINYMODEL, ...SIZES, '--token-source', source]);
    url = await twin.url();
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it.each(CONSTRAINED_REQUESTS)('answers %s with what conforms', async (_, fields, isConform) => {
    await expectConstrained(url, fields, isConform);
  });
});

describe('a vocabulary of 150,000 tokens', () => {
  let folder = '';
  let twin: Twin;
  let url = '';

  beforeAll(async () => {
    folder = largeModel();
    twin = new Twin(['serve', folder, ...SIZES, '--step-time', 'zero']);
    url = await twin.url();
  });

  afterAll(async () => {
    await twin?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes no difference to what conforms', async () => {
    for (const [, fields, isConform] of CONSTRAINED_REQUESTS)
      await expectConstrained(url, fields, isConform);
  });
});
