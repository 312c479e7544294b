/** Constrained requests in an engine: they wait for their grammar, say what it allows, and end by themselves. */
import { describe, expect, it } from 'vitest';
import type { EngineCore } from '../../../src/engine-core/engine-core.ts';
import { RequestStatus } from '../../../src/engine-core/scheduler/request-status.ts';
import { OUTPUT_FORM_KEY } from '../../../src/shared/protocol/output-form.ts';
import { type EngineCoreOutput, FinishReason } from '../../../src/shared/protocol/outputs.ts';
import type { SamplingParams } from '../../../src/shared/protocol/request.ts';
import { builtInTokenizer, compileGrammars } from '../../support/compile-grammars.ts';
import { createTestEngine, createTestRequest, EOS_TOKEN_ID } from '../../support/engine.ts';

const tokenizer = builtInTokenizer();
const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
};

function add(
  core: EngineCore,
  id: string,
  params: Partial<SamplingParams>,
  fields: { reasoningEnded?: boolean | null; promptTokenIds?: readonly number[] } = {},
): void {
  const request = createTestRequest({
    requestId: id,
    promptTokenIds: [1000, 1001, 1002],
    sampling: { maxTokens: 200, temperature: 0, ...params },
    ...fields,
  });
  core.handleInput({ type: 'ADD', request });
}

function step(core: EngineCore): EngineCoreOutput[] {
  core.beginStep();
  core.finishStep();
  return core.takeOutputs().flatMap(({ outputs }) => outputs.outputs);
}

/** All outputs until nothing is left to do. */
function drain(core: EngineCore): EngineCoreOutput[] {
  const outputs: EngineCoreOutput[] = [];
  for (let i = 0; i < 2000 && core.hasWork(); i += 1) outputs.push(...step(core));
  return outputs;
}

function textOf(outputs: readonly EngineCoreOutput[], skipSpecialTokens = true): string {
  const ids = outputs.flatMap(({ newTokenIds }) => newTokenIds);
  return tokenizer.decode(ids, { skipSpecialTokens });
}

describe('a request with a grammar', () => {
  it('is deferred until the grammar is there, and others overtake it', () => {
    const { core } = createTestEngine();
    add(core, 'constrained', { structuredOutputs: { json: SCHEMA } });
    add(core, 'plain', { maxTokens: 3 });
    const { state } = core.scheduler;
    expect(state.requests.get('constrained')?.status).toBe(
      RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR,
    );
    expect(step(core).map(({ requestId }) => requestId)).toEqual(['plain']);
    expect([...state.deferred].map(({ requestId }) => requestId)).toEqual(['constrained']);
    compileGrammars(core);
    step(core);
    expect(state.deferred.size).toBe(0);
    expect(state.running.map(({ requestId }) => requestId)).toContain('constrained');
  });

  it.each(['rule', 'echo', 'random', 'corpus'] as const)(
    'says a document and stops, whatever the token source: %s',
    (tokenSource) => {
      const { core } = createTestEngine({ tokenSource });
      add(core, 'a', { structuredOutputs: { json: SCHEMA } });
      compileGrammars(core);
      const outputs = drain(core);
      expect(JSON.parse(textOf(outputs))).toEqual({
        name: expect.any(String),
        age: expect.any(Number),
      });
      expect(outputs.at(-1)?.finishReason).toBe(FinishReason.STOP);
      expect(outputs.at(-1)?.newTokenIds).toEqual([EOS_TOKEN_ID]);
    },
  );

  it.each([
    ['two batches in flight', { maxConcurrentBatches: 2, scheduler: { asyncScheduling: true } }],
    ['a pool so small that it is preempted', { numBlocks: 5, scheduler: { maxNumSeqs: 4 } }],
  ])('says the same with %s', (_, options) => {
    const plain = createTestEngine().core;
    add(plain, 'a', { structuredOutputs: { json: SCHEMA } });
    compileGrammars(plain);
    const { core } = createTestEngine(options);
    add(core, 'a', { structuredOutputs: { json: SCHEMA } });
    add(core, 'b', { structuredOutputs: { json: SCHEMA } });
    compileGrammars(core);
    const outputs = drain(core);
    const expected = textOf(drain(plain));
    for (const id of ['a', 'b'])
      expect(textOf(outputs.filter(({ requestId }) => requestId === id))).toBe(expected);
  });

  it('is cut by max_tokens', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { json: SCHEMA }, maxTokens: 3 });
    compileGrammars(core);
    const outputs = drain(core);
    expect(outputs).toHaveLength(3);
    expect(outputs.at(-1)?.finishReason).toBe(FinishReason.LENGTH);
  });

  it('is written long enough for min_tokens', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { json: SCHEMA }, minTokens: 60 });
    compileGrammars(core);
    const outputs = drain(core);
    expect(outputs.length).toBeGreaterThanOrEqual(60);
    expect(outputs.at(-1)?.finishReason).toBe(FinishReason.STOP);
    expect(Object.keys(JSON.parse(textOf(outputs)))).toEqual(['name', 'age']);
  });

  it('ends in an error where min_tokens forbids the only token that the grammar has left', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { choice: ['yes'] }, minTokens: 60 });
    compileGrammars(core);
    expect(drain(core).at(-1)?.finishReason).toBe(FinishReason.ERROR);
  });

  it('goes on freely behind its end where it ignores eos', () => {
    const { core } = createTestEngine();
    add(core, 'a', {
      structuredOutputs: { choice: ['yes'] },
      eosTokenId: null,
      maxTokens: 9,
    });
    compileGrammars(core);
    const outputs = drain(core);
    expect(outputs).toHaveLength(9);
    expect(textOf(outputs)).toMatch(/^yes./);
    expect(outputs.at(-1)?.finishReason).toBe(FinishReason.LENGTH);
  });

  it.each<[string, boolean, boolean | null, string, RegExp]>([
    ['first where the frontend says so', false, false, 'Q', /. done yes$/s],
    ['first where nobody says otherwise', false, null, 'Q', /. done yes$/s],
    ['not where the prompt has ended it', false, null, 'Q done ', /^yes$/],
    ['not where the frontend says that it has', false, true, 'Q', /^yes$/],
    ['in no way where the grammar holds in reasoning', true, false, 'Q', /^yes$/],
  ])('thinks %s', (_, enableInReasoning, reasoningEnded, prompt, expected) => {
    const settings = { seed: 0, disableAnyWhitespace: false, reasoningEnd: ' done ' };
    const { core } = createTestEngine({ structuredOutput: { ...settings, enableInReasoning } });
    const promptTokenIds = tokenizer.encode(prompt, { addSpecialTokens: false });
    add(core, 'a', { structuredOutputs: { choice: ['yes'] } }, { reasoningEnded, promptTokenIds });
    compileGrammars(core);
    expect(textOf(drain(core))).toMatch(expected);
  });

  it('draws anew without a seed, and again the same with one', () => {
    const say = (seed: number | null): string[] => {
      const { core } = createTestEngine();
      for (const id of ['a', 'b'])
        add(core, id, { structuredOutputs: { regex: '[a-z]{12}' }, temperature: 1, seed });
      compileGrammars(core);
      const outputs = drain(core);
      return ['a', 'b'].map((id) => textOf(outputs.filter(({ requestId }) => requestId === id)));
    };
    const [first, second] = say(null);
    expect(first).not.toBe(second);
    const [third, fourth] = say(7);
    expect(third).toBe(fourth);
    expect(say(7)).toEqual([third, fourth]);
  });
});

describe('a grammar that does not compile', () => {
  it('ends its request with the reason, in the step that looks at it', () => {
    const { core } = createTestEngine({ includeFinishedSet: true });
    add(core, 'a', { structuredOutputs: { grammar: 'root ::= missing' } });
    compileGrammars(core);
    const [output] = step(core);
    expect(output).toMatchObject({
      requestId: 'a',
      finishReason: FinishReason.ERROR,
      newTokenIds: [],
      error: {
        code: 'validation_error',
        message: 'Invalid structured outputs: line 1, column 10: Rule "missing" is not defined',
        retryable: false,
      },
    });
    expect(core.scheduler.state.requests.size).toBe(0);
  });

  it("is refused where the frontend's vocabulary is another one", () => {
    const { core } = createTestEngine();
    const params = { eosTokenId: 128_009, allStopTokenIds: [128_009] };
    add(core, 'a', { structuredOutputs: { choice: ['a'] }, ...params });
    compileGrammars(core);
    expect(step(core)[0]?.error?.message).toMatch(/the frontend's vocabulary is not that of this/);
  });

  it('comes too late for a request that was aborted meanwhile', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { grammar: 'root ::= missing' } });
    step(core);
    core.abortRequests(['a']);
    compileGrammars(core);
    expect(drain(core)).toEqual([]);
    expect(core.scheduler.state.deferred.size).toBe(0);
  });

  it('is not tried where another backend has been used', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { regex: 'a', _backend: 'xgrammar' } });
    add(core, 'b', { structuredOutputs: { regex: 'a', _backend: 'guidance' } });
    const [{ outputs } = { outputs: null }] = core.takeOutputs();
    expect(outputs?.outputs[0]).toMatchObject({
      requestId: 'b',
      finishReason: FinishReason.ERROR,
      error: { code: 'validation_error' },
    });
  });
});

describe('drafts of a request with a grammar', () => {
  it('count from the left while the plan has them', () => {
    const { core } = createTestEngine();
    add(core, 'a', { structuredOutputs: { choice: ['the quick brown fox'] } });
    compileGrammars(core);
    const structuredOutput = core.scheduler.state.requests.get('a')?.structuredOutput;
    const ids = structuredOutput?.plan?.tokenIds ?? [];
    expect(ids.length).toBeGreaterThan(3);
    const count = (position: number, drafts: readonly number[]) =>
      structuredOutput?.countAcceptedDrafts(position, drafts);
    expect(count(0, ids.slice(0, 3))).toBe(3);
    expect(count(1, [...ids.slice(1, 3), 3])).toBe(2);
    expect(count(0, [3])).toBe(0);
    expect(count(ids.length, [EOS_TOKEN_ID])).toBe(1);
    expect(count(ids.length, [3])).toBe(0);
  });
});

describe('an output form', () => {
  it('is said segment by segment, special tokens and all', () => {
    const { core } = createTestEngine();
    const form = [
      { text: 'Thinking: ' },
      { free: 5 },
      { text: '<|im_start|>' },
      { structured: { json: SCHEMA } },
    ];
    add(core, 'a', { extraArgs: { [OUTPUT_FORM_KEY]: form } });
    compileGrammars(core);
    const outputs = drain(core);
    const text = textOf(outputs, false);
    expect(text).toMatch(/^Thinking: .+<\|im_start\|>\{"name": .*\}<\|im_end\|>$/s);
    expect(outputs.at(-1)?.finishReason).toBe(FinishReason.STOP);
  });

  it("goes on to the token source's own end where it says so", () => {
    const { core } = createTestEngine({ tokenSource: 'echo' });
    add(core, 'a', { extraArgs: { [OUTPUT_FORM_KEY]: [{ text: 'x' }, { free: null }] } });
    compileGrammars(core);
    const outputs = drain(core);
    expect(textOf(outputs)).toMatch(/^x/);
    expect(outputs.at(-1)?.finishReason).toBe(FinishReason.STOP);
  });
});
