import { describe, expect, it } from 'vitest';
import {
  createTokenSource,
  type TokenSourceOptions,
} from '../../../../src/engine-core/executor/token-source.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest, EOS_TOKEN_ID, type TestRequest } from '../../../support/engine.ts';

const VOCAB_SIZE = 4000;

function sequence(
  options: Partial<TokenSourceOptions>,
  requestOptions: TestRequest,
  length = 40,
): number[] {
  const source = createTokenSource({
    kind: 'random',
    seed: 1,
    vocabSize: VOCAB_SIZE,
    eosTokenId: EOS_TOKEN_ID,
    maxModelLen: 256,
    ...options,
  });
  const request = new Request(createTestRequest(requestOptions));
  source.prepare(request);
  return Array.from({ length }, (_, position) => source.tokenAt(request, position));
}

const prompt = [10, 20, 30];

describe('rule', () => {
  it('follows the rule of the golden recordings', () => {
    expect(sequence({ kind: 'rule' }, { promptTokenIds: prompt }, 3)).toEqual([1060, 1067, 1074]);
  });

  it('knows nothing of scripts by itself', () => {
    const sampling = { extraArgs: { scripted_token_ids: [5], oracle_outputs: [5] } };
    const tokens = sequence({ kind: 'rule' }, { promptTokenIds: prompt, sampling }, 1);
    expect(tokens).toEqual([1060]);
  });
});

describe('echo', () => {
  it('says the prompt again, then eos', () => {
    const tokens = sequence({ kind: 'echo' }, { promptTokenIds: prompt }, 4);
    expect(tokens).toEqual([10, 20, 30, EOS_TOKEN_ID]);
  });

  it('says it over and over where eos is ignored', () => {
    const sampling = { ignoreEos: true };
    const tokens = sequence({ kind: 'echo' }, { promptTokenIds: prompt, sampling }, 5);
    expect(tokens).toEqual([10, 20, 30, 10, 20]);
  });
});

describe.each(['random', 'corpus'] as const)('%s', (kind) => {
  const options = { kind };

  it('gives the same tokens for the same seed and request', () => {
    const request = { promptTokenIds: prompt, sampling: { temperature: 1, seed: 42 } };
    expect(sequence(options, request)).toEqual(sequence(options, request));
  });

  it('gives other tokens for another seed or prompt', () => {
    const request = { promptTokenIds: prompt, sampling: { temperature: 1, seed: 42 } };
    const tokens = sequence(options, request);
    expect(sequence(options, { ...request, sampling: { seed: 43 } })).not.toEqual(tokens);
    expect(sequence(options, { ...request, promptTokenIds: [10, 20, 31] })).not.toEqual(tokens);
    expect(sequence({ ...options, seed: 2 }, request)).not.toEqual(tokens);
  });

  it('takes a seed of 64 bits', () => {
    const request = { promptTokenIds: prompt, sampling: { seed: 2n ** 63n + 5n } };
    expect(sequence(options, request)).toEqual(sequence(options, request));
  });

  it('stays in the vocabulary and never says eos before the end', () => {
    const tokens = sequence(options, { promptTokenIds: prompt }, 500);
    expect(tokens.every((id) => id >= 3 && id < VOCAB_SIZE)).toBe(true);
  });

  it('ends a request that leaves its length open in eos, near the median', () => {
    const lengths = Array.from({ length: 200 }, (_, i) => {
      const open = { promptTokenIds: [100 + i], sampling: { maxTokens: 4000 } };
      const tokens = sequence({ ...options, maxModelLen: 4001, medianOutputTokens: 64 }, open, 400);
      return tokens.indexOf(EOS_TOKEN_ID);
    }).sort((a, b) => a - b);
    expect(lengths[0]).toBeGreaterThanOrEqual(15);
    expect(lengths.at(-1)).toBeLessThanOrEqual(257);
    expect(lengths[100]).toBeGreaterThan(45);
    expect(lengths[100]).toBeLessThan(90);
  });
});

describe('corpus', () => {
  const corpus = {
    tokenIds: Array.from({ length: 100 }, (_, i) => 500 + i),
    sentenceStarts: [0, 30, 60, 75],
  };

  it('begins with a sentence that depends on the request and reads on from there', () => {
    const tokens = sequence({ kind: 'corpus', corpus }, { promptTokenIds: prompt }, 150);
    const start = (tokens[0] ?? 0) - 500;
    expect(corpus.sentenceStarts).toContain(start);
    expect(tokens).toEqual(tokens.map((_, i) => 500 + ((start + i) % 100)));
  });

  it('ends at the end of a sentence where the length is open', () => {
    for (let i = 0; i < 50; i += 1) {
      const open = { promptTokenIds: [i + 3], sampling: { maxTokens: 4000 } };
      const tokens = sequence({ kind: 'corpus', corpus, maxModelLen: 4001 }, open, 1000);
      const end = tokens.indexOf(EOS_TOKEN_ID);
      const next = ((tokens[end - 1] ?? 0) - 500 + 1) % 100;
      expect(corpus.sentenceStarts).toContain(next);
    }
  });
});
