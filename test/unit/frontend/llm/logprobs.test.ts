import { describe, expect, it } from 'vitest';
import { LogprobsProcessor } from '../../../../src/frontend/llm/logprobs.ts';
import type { SamplingFields } from '../../../../src/frontend/llm/sampling-params.ts';
import { createEngineCoreOutput } from '../../../../src/shared/protocol/defaults.ts';
import type { NdArray } from '../../../../src/shared/protocol/outputs.ts';
import { ByteTokenizer } from '../../../support/byte-tokenizer.ts';
import { logprobsLists, logprobsTensors } from '../../../support/logprobs.ts';
import { createTestSamplingParams } from '../../../support/sampling-fields.ts';

function createProcessor(fields: Partial<SamplingFields>, words: readonly string[] = []) {
  return new LogprobsProcessor(new ByteTokenizer({ words }), createTestSamplingParams(fields));
}

type Row = Parameters<typeof logprobsLists>[0][number];

/** Takes in one message with these rows of sampled tokens, all of which count. */
function add(processor: LogprobsProcessor, rows: readonly Row[], numKept = rows.length): void {
  const newLogprobs = logprobsLists(rows);
  processor.updateFromOutput(createEngineCoreOutput({ newLogprobs }), numKept);
}

function addPrompt(processor: LogprobsProcessor, rows: readonly Row[]): void {
  const newPromptLogprobsTensors = logprobsTensors(rows);
  processor.updateFromOutput(createEngineCoreOutput({ newPromptLogprobsTensors }), 0);
}

const textsOf = (table: LogprobsProcessor['promptLogprobs']) =>
  table?.map((position) => position && [...position.values()].map((each) => each.decodedToken));

describe('who needs log probabilities', () => {
  it.each<[Partial<SamplingFields>]>([
    [{ logprobs: 0 }],
    [{ promptLogprobs: 0 }],
    [{ logprobTokenIds: [1] }],
  ])('is a request with %j', (fields) => {
    expect(LogprobsProcessor.isNeeded(createTestSamplingParams(fields))).toBe(true);
  });

  it('is no other request', () => {
    expect(LogprobsProcessor.isNeeded(createTestSamplingParams())).toBe(false);
  });
});

describe('log probabilities of sampled tokens', () => {
  it('have one table a position: the sampled token with its rank first, then the candidates by rank', () => {
    const processor = createProcessor({ logprobs: 2 });

    add(processor, [{ ids: [97, 98, 99], logprobs: [-3, -0.5, -1], rank: 7 }]);

    expect(processor.logprobs?.map((position) => [...position])).toEqual([
      [
        [97, { logprob: -3, rank: 7, decodedToken: 'a' }],
        [98, { logprob: -0.5, rank: 1, decodedToken: 'b' }],
        [99, { logprob: -1, rank: 2, decodedToken: 'c' }],
      ],
    ]);
  });

  it('name a sampled token once that is a candidate too, at its rank among them', () => {
    const processor = createProcessor({ logprobs: 2 });

    add(processor, [{ ids: [98, 97, 98], logprobs: [-1, -0.5, -1], rank: 2 }]);

    expect([...(processor.logprobs?.[0]?.entries() ?? [])]).toEqual([
      [98, { logprob: -1, rank: 2, decodedToken: 'b' }],
      [97, { logprob: -0.5, rank: 1, decodedToken: 'a' }],
    ]);
  });

  it('leave out candidates beyond what this request asked for', () => {
    const processor = createProcessor({ logprobs: 1 });

    add(processor, [{ ids: [97, 98, 99], logprobs: [-3, -0.5, -1] }]);

    expect([...(processor.logprobs?.[0]?.keys() ?? [])]).toEqual([97, 98]);
  });

  it('have the sampled token alone for logprobs 0', () => {
    const processor = createProcessor({ logprobs: 0 });

    add(processor, [{ ids: [97, 98], logprobs: [-3, -0.5] }]);

    expect([...(processor.logprobs?.[0]?.keys() ?? [])]).toEqual([97]);
  });

  it('have no text where nothing is detokenized', () => {
    const params = createTestSamplingParams({ logprobs: 1 });
    params.detokenize = false;
    const processor = new LogprobsProcessor(new ByteTokenizer(), params);

    add(processor, [{ ids: [97, 98], logprobs: [-3, -0.5] }]);

    expect([...(processor.logprobs?.[0]?.values() ?? [])].map((each) => each.decodedToken)).toEqual(
      [null, null],
    );
  });

  it('have every candidate for logprobs -1', () => {
    const processor = createProcessor({ logprobs: -1 });

    add(processor, [{ ids: [97, 98, 99], logprobs: [-3, -0.5, -1] }]);

    expect(processor.logprobs?.[0]?.size).toBe(3);
  });

  it('have as many candidates as there are logprob_token_ids', () => {
    const processor = createProcessor({ logprobTokenIds: [98, 99] });

    add(processor, [{ ids: [97, 98, 99, 100], logprobs: [-1, -2, -3, -4] }]);

    expect([...(processor.logprobs?.[0]?.keys() ?? [])]).toEqual([97, 98, 99]);
  });

  it('grow by a position a token, and add up', () => {
    const processor = createProcessor({ logprobs: 1 });

    add(processor, [
      { ids: [97, 98], logprobs: [-1, -2] },
      { ids: [98, 97], logprobs: [-0.5, -4] },
    ]);
    add(processor, [{ ids: [99, 97], logprobs: [-0.25, -4] }]);

    expect(processor.logprobs?.map((position) => [...position.keys()][0])).toEqual([97, 98, 99]);
    expect(processor.cumulativeLogprob).toBe(-1.75);
  });

  it('end with the tokens that a stop string left', () => {
    const processor = createProcessor({ logprobs: 0 });

    add(
      processor,
      [
        { ids: [97], logprobs: [-1] },
        { ids: [98], logprobs: [-2] },
      ],
      1,
    );

    expect(processor.logprobs).toHaveLength(1);
    expect(processor.cumulativeLogprob).toBe(-1);
  });

  it('are none where only the prompt’s are wanted', () => {
    const processor = createProcessor({ promptLogprobs: 1 });

    add(processor, [{ ids: [97], logprobs: [-1] }]);

    expect(processor.logprobs).toBeNull();
    expect(processor.cumulativeLogprob).toBe(0);
  });

  it('are an empty table before the first token', () => {
    expect(createProcessor({ logprobs: 1 }).logprobs).toEqual([]);
  });
});

describe('log probabilities of the prompt', () => {
  it('begin with nothing for the first token, which nothing predicts', () => {
    const processor = createProcessor({ promptLogprobs: 1 });

    addPrompt(processor, [
      { ids: [97, 98], logprobs: [-3, -1], rank: 5 },
      { ids: [98, 99], logprobs: [-2, -1], rank: 4 },
    ]);

    expect(processor.promptLogprobs?.map((position) => position && [...position])).toEqual([
      null,
      [
        [97, { logprob: -3, rank: 5, decodedToken: 'a' }],
        [98, { logprob: -1, rank: 1, decodedToken: 'b' }],
      ],
      [
        [98, { logprob: -2, rank: 4, decodedToken: 'b' }],
        [99, { logprob: -1, rank: 1, decodedToken: 'c' }],
      ],
    ]);
  });

  it('come in chunks as the prefill does', () => {
    const processor = createProcessor({ promptLogprobs: 0 });

    addPrompt(processor, [{ ids: [97], logprobs: [-1] }]);
    addPrompt(processor, [{ ids: [98], logprobs: [-1] }]);

    expect(textsOf(processor.promptLogprobs)).toEqual([null, ['a'], ['b']]);
  });

  it('are given to a stream once, and then an empty table', () => {
    const processor = createProcessor({ promptLogprobs: 0 });
    addPrompt(processor, [{ ids: [97], logprobs: [-1] }]);

    expect(textsOf(processor.popPromptLogprobs())).toEqual([null, ['a']]);
    expect(processor.popPromptLogprobs()).toEqual([]);
    expect(processor.popPromptLogprobs()).toEqual([]);
  });

  it('are none where the request wants none', () => {
    const processor = createProcessor({ logprobs: 1 });

    addPrompt(processor, [{ ids: [97], logprobs: [-1] }]);

    expect(processor.promptLogprobs).toBeNull();
    expect(processor.popPromptLogprobs()).toBeNull();
  });
});

describe('the text of a token that is part of a character', () => {
  const sampledTexts = (ids: readonly number[], words: readonly string[] = []) => {
    const processor = createProcessor({ logprobs: 0 }, words);
    add(
      processor,
      ids.map((id) => ({ ids: [id], logprobs: [-1] })),
    );
    return (textsOf(processor.logprobs) ?? []).flat();
  };

  it('is empty until the token that completes it, which has all of it', () => {
    expect(sampledTexts([...Buffer.from('é')])).toEqual(['', 'é']);
    expect(sampledTexts([...Buffer.from('😀')])).toEqual(['', '', '', '😀']);
  });

  it('leaves out what whole tokens before it said', () => {
    expect(sampledTexts([...Buffer.from('ab€')])).toEqual(['a', 'b', '', '', '€']);
    expect(sampledTexts([97, ...Buffer.from('é')])).toEqual(['a', '', 'é']);
  });

  it('leaves out a whole character right before it', () => {
    expect(sampledTexts([...Buffer.from('éé')])).toEqual(['', 'é', '', 'é']);
  });

  it('stays empty where four tokens before it do not complete it', () => {
    expect(sampledTexts([0x80, 0x80, 0x80, 0x80, 0x80, 0x80])).toEqual(['', '', '', '', '', '']);
  });

  it('is looked for in the four tokens before it, and no more', () => {
    const fourBefore = [0xf0, 9999, 9999, 0x9f, 0x98, 0x80];

    expect(sampledTexts(fourBefore).at(-1)).toBe('');
    expect(sampledTexts(fourBefore.filter((_id, i) => i !== 2)).at(-1)).toBe('😀');
  });

  it('goes by the sampled tokens before, not by their candidates', () => {
    const processor = createProcessor({ logprobs: 1 });
    const [first, second] = Buffer.from('é') as unknown as [number, number];

    add(processor, [{ ids: [first, 98], logprobs: [-1, -2] }]);
    add(processor, [{ ids: [97, second], logprobs: [-1, -2] }]);

    expect(textsOf(processor.logprobs)).toEqual([
      ['', 'b'],
      ['a', 'é'],
    ]);
  });

  it('goes by the prompt tokens before where it is in the prompt', () => {
    const processor = createProcessor({ promptLogprobs: 0 });

    addPrompt(
      processor,
      [...Buffer.from('é')].map((id) => ({ ids: [id], logprobs: [-1] })),
    );

    expect(textsOf(processor.promptLogprobs)).toEqual([null, [''], ['é']]);
  });

  it('is what two readings do not share where a decoder writes the prefix differently in context', () => {
    const tokenizer = new ByteTokenizer();
    const texts: Record<string, string> = { '1': 'ab', '2': '\ufffd', '1,2': 'aXY' };
    tokenizer.decode = (ids) => texts[ids.join(',')] ?? '\ufffd';
    const processor = new LogprobsProcessor(tokenizer, createTestSamplingParams({ logprobs: 0 }));

    add(processor, [
      { ids: [1], logprobs: [-1] },
      { ids: [2], logprobs: [-1] },
    ]);

    expect(textsOf(processor.logprobs)).toEqual([['ab'], ['XY']]);
  });
});

it('spells special tokens out, alone and in context', () => {
  const words = ['<|end|>'];
  const tokenizer = new ByteTokenizer({ words, specialWords: words });
  const processor = new LogprobsProcessor(tokenizer, createTestSamplingParams({ logprobs: 0 }));

  add(
    processor,
    [256, ...Buffer.from('é')].map((id) => ({ ids: [id], logprobs: [-1] })),
  );

  expect(textsOf(processor.logprobs)).toEqual([['<|end|>'], [''], ['é']]);
});

describe('arrays', () => {
  const idArrays: readonly [string, (values: readonly number[]) => ArrayBufferView][] = [
    ['<i4', (values) => Int32Array.from(values)],
    ['int32', (values) => Int32Array.from(values)],
    ['<i8', (values) => BigInt64Array.from(values, BigInt)],
    ['int64', (values) => BigInt64Array.from(values, BigInt)],
  ];

  it.each(idArrays)('of %s are read in order, from wherever they lie in a frame', (dtype, make) => {
    const view = make([97, 98]);
    const frame = Buffer.concat([
      Buffer.from('head'),
      Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength),
    ]);
    const logprobTokenIds: NdArray = { dtype, shape: [1, 2], data: frame.subarray(4) };
    const processor = createProcessor({ logprobs: 1 });
    const lists = logprobsLists([{ ids: [0, 0], logprobs: [-1, -2] }]);

    processor.updateFromOutput(
      createEngineCoreOutput({ newLogprobs: { ...lists, logprobTokenIds } }),
      1,
    );

    expect([...(processor.logprobs?.[0]?.keys() ?? [])]).toEqual([97, 98]);
  });

  it('of torch’s float32 are read as numpy’s <f4', () => {
    const lists = logprobsLists([{ ids: [97], logprobs: [-1.5] }]);
    const processor = createProcessor({ logprobs: 0 });
    const logprobs = { ...lists.logprobs, dtype: 'float32' };

    processor.updateFromOutput(createEngineCoreOutput({ newLogprobs: { ...lists, logprobs } }), 1);

    expect(processor.cumulativeLogprob).toBe(-1.5);
  });

  it('of another type are refused by name', () => {
    const lists = logprobsLists([{ ids: [97], logprobs: [-1] }]);
    const processor = createProcessor({ logprobs: 0 });
    const logprobs = { ...lists.logprobs, dtype: '<f2' };

    expect(() =>
      processor.updateFromOutput(
        createEngineCoreOutput({ newLogprobs: { ...lists, logprobs } }),
        1,
      ),
    ).toThrow('logprobs of type <f2');
  });
});
