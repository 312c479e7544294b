/** Requests that decode and make no sense: whatever a peer asks for, the engine lives and serves the next one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenSourceKind } from '../../src/engine-core/executor/token-source.ts';
import { FinishReason } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { createTestEngine, createTestRequest, type GroupName } from '../support/engine.ts';
import { wireCodec } from '../support/wire-codec.ts';

const { decodeEngineInput, encodeEngineCoreOutputs, encodeEngineInput } = wireCodec;

const MAX_MODEL_LEN = 128;
const oddInt = fc.constantFrom(
  -5,
  -1,
  0,
  1,
  2,
  17,
  1000,
  2 ** 31,
  2 ** 40,
  Number.MAX_SAFE_INTEGER,
);
const smallInt = fc.integer({ min: -2, max: 20 });
const oddFloat = fc.constantFrom(0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const sampling = fc.record({
  maxTokens: orNull(oddInt),
  minTokens: oddInt,
  ignoreEos: fc.boolean(),
  temperature: oddFloat,
  topP: oddFloat,
  topK: oddInt,
  seed: orNull(fc.oneof(oddInt, fc.constant(2n ** 63n))),
  stopTokenIds: orNull(fc.array(oddInt, { maxLength: 2 })),
  logprobs: orNull(oddInt),
  promptLogprobs: orNull(oddInt),
  streamInterval: orNull(oddInt),
  allowedTokenIds: orNull(fc.array(oddInt, { maxLength: 2 })),
  logprobTokenIds: orNull(fc.array(oddInt, { maxLength: 2 })),
  thinkingTokenBudget: orNull(oddInt),
  skipReadingPrefixCache: orNull(fc.boolean()),
  repetitionDetection: orNull(
    fc.record({ maxPatternSize: smallInt, minPatternSize: smallInt, minCount: smallInt }),
  ),
  extraArgs: orNull(
    fc.record({
      scripted_token_ids: fc.constantFrom('x', [-1, 1e12, 'a', null], [5, 6], {}),
      vllm_twin_fault: fc.constantFrom(null, '', 'x', 'x;', 'engine.crash-on-request;a', [1], {}),
    }),
  ),
});

const request = fc
  .record({
    requestId: fc.constantFrom('a', 'b', 'c', '', 'é'.repeat(300)),
    numPromptTokens: fc.constantFrom(1, 20, MAX_MODEL_LEN - 1, MAX_MODEL_LEN, MAX_MODEL_LEN + 1),
    promptTokenIds: fc.option(fc.array(oddInt, { maxLength: 4 }), { nil: undefined }),
    sampling,
    hasSampling: fc.integer({ min: 0, max: 9 }).map((dice) => dice > 0),
    clientIndex: fc.constantFrom(0, 1, 7, -3),
    currentWave: oddInt,
    priority: oddInt,
    cacheSalt: orNull(fc.constantFrom('', 'salt')),
    abortImmediately: fc.boolean(),
    resumable: fc.boolean(),
    loraRequest: orNull(
      fc.record({
        loraName: fc.constantFrom('', 'adapter'),
        loraIntId: oddInt,
        loraPath: fc.constant(''),
        baseModelName: fc.constant(null),
        loadInplace: fc.boolean(),
        is3dLoraWeight: fc.boolean(),
      }),
    ),
  })
  .map(({ promptTokenIds, hasSampling, ...fields }): EngineCoreRequest => {
    const made = createTestRequest(
      promptTokenIds === undefined ? fields : { ...fields, promptTokenIds },
    );
    return hasSampling ? made : { ...made, samplingParams: null };
  });

const call = fc.record({
  clientIndex: fc.constantFrom(0, 5),
  callId: fc.nat(),
  method: fc.constantFrom(
    ...['pause_scheduler', 'resume_scheduler', 'reset_prefix_cache', 'sleep', 'wake_up'],
    ...['add_lora', 'remove_lora', 'collective_rpc', '__proto__', 'constructor', 'step'],
  ),
  args: fc.constantFrom<unknown[]>([], [null], ['keep'], [[1]], [{}], [['l', 1, 'p']], [1e9]),
});

const input = fc.oneof(
  { weight: 6, arbitrary: request.map((made) => ({ type: 'ADD', request: made }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom('a', 'b', 'nobody'), { maxLength: 3 })
      .map((requestIds) => ({ type: 'ABORT', requestIds }) as const),
  },
  { weight: 2, arbitrary: call.map((made) => ({ type: 'UTILITY', call: made }) as const) },
);

describe('an engine given requests without sense', () => {
  it('lives, and serves the next one', () => {
    fc.assert(
      fc.property(
        fc.record({
          tokenSource: fc.constantFrom<TokenSourceKind>('rule', 'echo', 'random', 'corpus'),
          groups: fc.constantFrom<readonly GroupName[]>(['full'], ['full', 'window'], ['chunked']),
          maxConcurrentBatches: fc.constantFrom(1, 2),
          numBlocks: fc.constantFrom(20, 65),
          enableFaults: fc.boolean(),
        }),
        fc.array(fc.tuple(input, fc.nat({ max: 10 })), { maxLength: 10 }),
        (engine, script) => {
          const scheduler = { maxModelLen: MAX_MODEL_LEN };
          const { core } = createTestEngine({ ...engine, scheduler, includeFinishedSet: true });
          const step = (): void => {
            if (core.hasWork()) {
              core.beginStep();
              core.finishStep();
            } else core.notifyIdle();
            for (const { outputs } of core.takeOutputs()) encodeEngineCoreOutputs(outputs);
          };
          for (const [made, numSteps] of script) {
            const frames = encodeEngineInput(made).map((frame) => Buffer.from(frame));
            core.handleInput(decodeEngineInput(frames));
            for (let i = 0; i < numSteps; i += 1) step();
          }
          const ids = ['a', 'b', 'c', '', 'é'.repeat(300)];
          core.handleInput({ type: 'ABORT', requestIds: ids });
          for (const method of ['wake_up', 'resume_scheduler'])
            core.handleInput({
              type: 'UTILITY',
              call: { clientIndex: 0, callId: 1, method, args: [] },
            });
          for (let i = 0; i < 5; i += 1) step();
          core.handleInput({
            type: 'ADD',
            request: createTestRequest({ requestId: 'last', sampling: { maxTokens: 1 } }),
          });
          core.beginStep();
          if (core.awaitedBatch === null) core.beginStep();
          core.finishStep();
          const last = core.takeOutputs().flatMap(({ outputs }) => outputs.outputs);
          expect(last.map(({ requestId }) => requestId)).toEqual(['last']);
          expect(last[0]?.finishReason).toBe(FinishReason.LENGTH);
        },
      ),
      { numRuns: 300 },
    );
  });
});
