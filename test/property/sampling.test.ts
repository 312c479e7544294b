import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddedCorpus } from '../../src/engine-core/executor/corpus.ts';
import { createLatencyModel } from '../../src/engine-core/executor/latency-model.ts';
import { Sampler } from '../../src/engine-core/executor/sampler.ts';
import { SimulatedExecutor } from '../../src/engine-core/executor/simulated-executor.ts';
import { createTokenSource } from '../../src/engine-core/executor/token-source.ts';
import { Request } from '../../src/engine-core/scheduler/request.ts';
import type { NdArray } from '../../src/shared/protocol/outputs.ts';
import type { SamplingParams } from '../../src/shared/protocol/request.ts';
import { createTestRequest, EOS_TOKEN_ID } from '../support/engine.ts';

const KINDS = ['rule', 'echo', 'random', 'corpus'] as const;
const NUM_OUTPUTS = 24;

function sourceOf(kind: (typeof KINDS)[number], vocabSize: number) {
  return createTokenSource({
    kind,
    seed: 3,
    vocabSize,
    eosTokenId: EOS_TOKEN_ID,
    maxModelLen: 256,
    corpus: kind === 'corpus' ? embeddedCorpus() : null,
  });
}

/** What a request says, token by token. */
function say(sampler: Sampler, request: Request, numOutputs = NUM_OUTPUTS): readonly number[] {
  sampler.prepare(request);
  for (let position = 0; position < numOutputs; position += 1)
    request.allTokenIds.push(sampler.tokenAt(request, position));
  return request.allTokenIds.slice(request.numPromptTokens);
}

const VOCAB_SIZE = 4026;
const tokenId = fc.integer({ min: 3, max: VOCAB_SIZE - 1 });
const prompt = fc.array(tokenId, { minLength: 1, maxLength: 12 });
const penalty = fc.constantFrom(0, 0, -1.5, 0.5, 2);
const chance = fc.record({
  temperature: fc.constantFrom(0, 0.7, 1, 2),
  seed: fc.option(fc.integer({ min: 0, max: 1000 })),
  topK: fc.constantFrom(0, 1, 20),
});
const penalties = fc.record({
  presencePenalty: penalty,
  frequencyPenalty: penalty,
  repetitionPenalty: fc.constantFrom(1, 1, 0.8, 1.3),
});

describe.each(KINDS)('sampling from %s', (kind) => {
  const sampler = new Sampler(sourceOf(kind, VOCAB_SIZE), VOCAB_SIZE);
  const check = (
    params: fc.Arbitrary<Partial<SamplingParams>>,
    holds: (outputs: readonly number[], params: Partial<SamplingParams>, request: Request) => void,
  ) => {
    fc.assert(
      fc.property(prompt, chance, penalties, params, (promptTokenIds, random, pull, more) => {
        const sampling = { ...random, ...pull, ...more };
        const request = new Request(createTestRequest({ promptTokenIds, sampling }));
        holds(say(sampler, request), more, request);
      }),
      { numRuns: 60 },
    );
  };

  it('says nothing but allowed tokens', () => {
    const allowed = fc.array(tokenId, { minLength: 1, maxLength: 2000 });
    check(fc.record({ allowedTokenIds: allowed }), (outputs, { allowedTokenIds }) => {
      const set = new Set(allowedTokenIds);
      expect(outputs.filter((id) => !set.has(id))).toEqual([]);
    });
  });

  it('never says what a bias forbids, and always what one forces', () => {
    const bias = fc.dictionary(tokenId.map(String), fc.constant(-100), { maxKeys: 30 });
    check(fc.record({ logitBias: bias }), (outputs, { logitBias }) => {
      expect(outputs.filter((id) => logitBias?.[id] === -100)).toEqual([]);
    });
    check(fc.record({ logitBias: tokenId.map((id) => ({ [id]: 100 })) }), (outputs, params) => {
      expect(new Set(outputs.map(String))).toEqual(new Set(Object.keys(params.logitBias ?? {})));
    });
  });

  it('never completes a bad word', () => {
    // Bad words that it would say: parts of what it says without them.
    fc.assert(
      fc.property(
        prompt,
        fc.integer({ min: 1, max: 4 }),
        penalties,
        (promptTokenIds, length, pull) => {
          const sampling = { temperature: 0, ...pull };
          const free = say(sampler, new Request(createTestRequest({ promptTokenIds, sampling })));
          const words = [free.slice(0, length), free.slice(5, 5 + length), free.slice(-length)];
          const params = { ...sampling, badWordsTokenIds: words };
          const bound = say(
            sampler,
            new Request(createTestRequest({ promptTokenIds, sampling: params })),
          );
          for (const word of words)
            for (let at = 0; at + length <= bound.length; at += 1)
              expect(bound.slice(at, at + length)).not.toEqual(word);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('says no stop token before min_tokens', () => {
    const params = fc.record({
      minTokens: fc.integer({ min: 0, max: NUM_OUTPUTS }),
      logitBias: fc.constantFrom(null, { [EOS_TOKEN_ID]: 50, 3000: -100 }),
      allStopTokenIds: fc.constant([EOS_TOKEN_ID, 300, 301]),
    });
    check(params, (outputs, { minTokens = 0, allStopTokenIds = [] }) => {
      expect(outputs.slice(0, minTokens).filter((id) => allStopTokenIds.includes(id))).toEqual([]);
    });
  });

  it('says the same again without chance, whatever the seed', () => {
    const params = fc.record({ temperature: fc.constant(0) });
    check(params, (outputs, _more, { numPromptTokens, allTokenIds, samplingParams }) => {
      const promptTokenIds = allTokenIds.slice(0, numPromptTokens);
      const sampling = { ...samplingParams, seed: 77 };
      const again = new Request(createTestRequest({ promptTokenIds, sampling }));
      expect(say(sampler, again)).toEqual(outputs);
    });
  });
});

function floats({ data }: NdArray): number[] {
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}

function ints({ data }: NdArray): number[] {
  return [...new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}

function executorOf(kind: (typeof KINDS)[number]) {
  const vocabSize = VOCAB_SIZE;
  const tokenSource = sourceOf(kind, vocabSize);
  const executor = new SimulatedExecutor({
    tokenSource,
    latencyModel: createLatencyModel({ kind: 'zero' }),
    vocabSize,
    numWorkers: 1,
    adapters: null,
  });
  return { executor, sampler: new Sampler(tokenSource, vocabSize) };
}

describe.each(['echo', 'random', 'corpus'] as const)('log probabilities of %s', (kind) => {
  const { executor, sampler } = executorOf(kind);

  it('are of a distribution, in order, with the rank of the token that was said', () => {
    fc.assert(
      fc.property(
        prompt,
        chance,
        fc.constantFrom(0, 1, 5, -1),
        (promptTokenIds, random, logprobs) => {
          const sampling = { ...random, logprobs };
          const request = new Request(createTestRequest({ promptTokenIds, sampling }));
          for (const [position, id] of say(sampler, request, 6).entries()) {
            const lists = executor.sampleLogprobs(request, id, position);
            const [own = 0, ...values] = floats(lists.logprobs);
            const [ownId, ...ids] = ints(lists.logprobTokenIds);
            const [rank = 0] = ints(lists.sampledTokenRanks);
            expect(ownId).toBe(id);
            expect(values).toEqual([...values].sort((a, b) => b - a));
            const inList = ids.indexOf(id);
            const both = inList < 0 ? [own, ...values] : values;
            expect(both.reduce((sum, value) => sum + Math.exp(value), 0)).toBeLessThanOrEqual(1);
            if (inList >= 0) expect([inList + 1, values[inList]]).toEqual([rank, own]);
            else expect(rank).toBeGreaterThan(values.length);
            if (random.temperature === 0 || random.topK === 1) expect(rank).toBe(1);
            if (logprobs === -1) expect(values.filter((value) => value >= own)).toHaveLength(rank);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe.each(['random', 'corpus'] as const)('a model that reads, %s', (kind) => {
  const { executor, sampler } = executorOf(kind);

  it('of a text are those of it as a prompt, and so is what follows', () => {
    fc.assert(
      fc.property(prompt, chance, (promptTokenIds, random) => {
        const sampling = { ...random, logprobs: 3 };
        const request = new Request(createTestRequest({ promptTokenIds, sampling }));
        const outputs = say(sampler, request);
        const rows = outputs.map((id, i) =>
          floats(executor.sampleLogprobs(request, id, i).logprobs),
        );
        const whole = [...promptTokenIds, ...outputs];
        const again = new Request(
          createTestRequest({
            promptTokenIds: whole,
            sampling: { temperature: 0, promptLogprobs: 3 },
          }),
        );
        const table = floats(executor.promptLogprobs(again).logprobs);
        const tail = table.slice(4 * (promptTokenIds.length - 1));
        expect(rows.flat()).toEqual(tail);
        if (random.temperature > 0 && random.topK !== 1) return;
        const cut = new Request(
          createTestRequest({
            promptTokenIds: [...promptTokenIds, ...outputs.slice(0, 7)],
            sampling: { temperature: 0 },
          }),
        );
        expect(say(sampler, cut, NUM_OUTPUTS - 7)).toEqual(outputs.slice(7));
      }),
      { numRuns: 60 },
    );
  });

  it('leave a token said by chance behind others, and differ by seed', () => {
    const request = (seed: number) =>
      new Request(
        createTestRequest({
          promptTokenIds: [300, 400],
          sampling: { temperature: 1, seed, logprobs: 0 },
        }),
      );
    const ranks: number[] = [];
    const values = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const each = request(seed);
      const outputs = say(sampler, each, 4);
      const lists = outputs.map((id, position) => executor.sampleLogprobs(each, id, position));
      ranks.push(...lists.flatMap((list) => ints(list.sampledTokenRanks)));
      values.add(lists.flatMap((list) => floats(list.logprobs)).join());
    }
    expect(ranks.filter((rank) => rank > 1).length).toBeGreaterThan(20);
    expect(values.size).toBeGreaterThan(10);
  });
});
