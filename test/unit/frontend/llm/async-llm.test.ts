import { describe, expect, it } from 'vitest';
import { ENGINE_BUSY_MESSAGE } from '../../../../src/frontend/engine-client/engine-client.ts';
import {
  type AdmissionLimit,
  AsyncLLM,
  type AsyncLLMOptions,
  type EngineMetrics,
  MAX_QUEUED_PROMPT_TOKENS,
  MAX_UNFINISHED_REQUESTS,
} from '../../../../src/frontend/llm/async-llm.ts';
import type { IterationStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { ServerError } from '../../../../src/shared/errors.ts';
import { type Logger, silentLogger } from '../../../../src/shared/logger.ts';
import {
  createEngineCoreOutput,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { type EngineCoreOutputs, FinishReason } from '../../../../src/shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../../../../src/shared/protocol/request.ts';
import { apiErrorOf } from '../../../support/api-error.ts';
import { createLoRARequest } from '../../../support/kv-cache.ts';
import { createGenerateRequest, createInputProcessorOptions } from '../../../support/llm.ts';
import { RecordingEngineClient } from '../../../support/recording-engine-client.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';

const bytes = (text: string) => [...Buffer.from(text)];

class RecordingMetrics implements EngineMetrics {
  readonly records: [number, EngineCoreOutputs['schedulerStats'], IterationStats | null][] = [];
  readonly sleepStates: { isSleeping: boolean; level: number }[] = [];
  readonly rejections: AdmissionLimit[] = [];

  record(...record: RecordingMetrics['records'][number]): void {
    this.records.push(record);
  }
  recordSleepState(state: { isSleeping: boolean; level: number }): void {
    this.sleepStates.push(state);
  }
  recordAdmissionRejection(reason: AdmissionLimit): void {
    this.rejections.push(reason);
  }
}

function createLlm(options: Partial<AsyncLLMOptions> = {}) {
  const client = new RecordingEngineClient();
  const metrics = new RecordingMetrics();
  const clock = new VirtualClock({ epochMs: 200_000 });
  const lines: string[] = [];
  const logger = { ...silentLogger(), info: (line: string) => lines.push(line) } as Logger;
  const llm = new AsyncLLM({
    ...createInputProcessorOptions(),
    engineClient: client,
    metrics,
    clock,
    logger,
    streamInterval: 1,
    logRequests: false,
    maxNumQueuedReqs: null,
    maxNumQueuedTokens: null,
    ...options,
  });
  return { llm, client, metrics, clock, lines };
}

const busy =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';
const backlog =
  'The engine has reached its prefill token backlog limit. Please try again later or on a different instance.';
const dead = 'The server had an error while processing your request.';

const firstOf = (client: RecordingEngineClient) => client.requests[0] as EngineCoreRequest;

describe('a request', () => {
  it('goes to an engine, and what comes back to its sink', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();

    llm.generate(createGenerateRequest(), sink);
    expect(client.requests).toMatchObject([{ externalReqId: 'a', promptTokenIds: [1, 2, 3] }]);
    expect(llm.numUnfinishedRequests).toBe(1);

    const { requestId } = firstOf(client);
    client.deliver({
      outputs: [
        createEngineCoreOutput({
          requestId,
          newTokenIds: bytes('x'),
          finishReason: FinishReason.LENGTH,
        }),
      ],
    });
    expect(sink.completions).toMatchObject([{ index: 0, text: 'x', finishReason: 'length' }]);
    expect(client.aborted).toEqual([]);
    expect(llm.numUnfinishedRequests).toBe(0);
  });

  it('for several answers is as many requests to the engines', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();

    llm.generate(createGenerateRequest({ sampling: { n: 3 } }), sink);

    expect(client.requests.map(({ requestId }) => requestId.slice(0, 3))).toEqual([
      '0_a',
      '1_a',
      '2_a',
    ]);
    const outputs = client.requests.map(({ requestId }) =>
      createEngineCoreOutput({ requestId, newTokenIds: bytes('x') }),
    );
    client.deliver({ outputs });
    expect(sink.completions.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('that a stop string ended is taken from the engine', () => {
    const { llm, client } = createLlm();
    llm.generate(createGenerateRequest({ sampling: { stop: 'x' } }), new RecordingSink());
    const { requestId } = firstOf(client);

    client.deliver({ outputs: [createEngineCoreOutput({ requestId, newTokenIds: bytes('x') })] });

    expect(client.aborted).toEqual([[requestId]]);
  });

  it('that is refused never reaches an engine', () => {
    const { llm, client } = createLlm();

    expect(
      apiErrorOf(() =>
        llm.generate(createGenerateRequest({ promptTokenIds: [] }), new RecordingSink()),
      ).message,
    ).toBe('The decoder prompt cannot be empty');
    expect(client.requests).toEqual([]);
    expect(llm.numUnfinishedRequests).toBe(0);
  });

  it('that the engine client refuses is forgotten, and the caller is told', () => {
    const { llm, client } = createLlm();
    client.failure = new ServerError('E_ENGINE_DEAD', 'an engine core is dead');

    expect(() => llm.generate(createGenerateRequest(), new RecordingSink())).toThrow(
      'an engine core is dead',
    );
    expect(llm.numUnfinishedRequests).toBe(0);
  });

  it('uses the server’s stream interval', () => {
    const { llm, client } = createLlm({ streamInterval: 2 });
    const sink = new RecordingSink();
    llm.generate(createGenerateRequest(), sink);
    const { requestId } = firstOf(client);

    for (const letter of 'abc') {
      client.deliver({
        outputs: [createEngineCoreOutput({ requestId, newTokenIds: bytes(letter) })],
      });
    }

    expect(sink.completions.map(({ text }) => text)).toEqual(['a', 'bc']);
  });

  it('is logged with its start and its abort where the operator wants that', () => {
    const { llm, client, lines } = createLlm({ logRequests: true });

    llm.generate(createGenerateRequest(), new RecordingSink()).abort();

    expect(lines).toEqual([
      `Added request ${firstOf(client).requestId}.`,
      `Aborted request(s) ${firstOf(client).requestId}.`,
      'Request a aborted.',
    ]);
  });

  it('is not logged otherwise', () => {
    const { llm, lines } = createLlm();

    llm.generate(createGenerateRequest(), new RecordingSink()).abort();

    expect(lines).toEqual([]);
  });
});

describe('the handle of a request', () => {
  it('takes it from the engine once', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();
    const handle = llm.generate(createGenerateRequest(), sink);

    handle.abort();
    handle.abort();

    expect(client.aborted).toEqual([[firstOf(client).requestId]]);
    expect(sink.completions).toMatchObject([{ finishReason: 'abort' }]);
  });

  it('takes all answers of it from the engines', () => {
    const { llm, client } = createLlm();
    const handle = llm.generate(createGenerateRequest({ sampling: { n: 2 } }), new RecordingSink());

    handle.abort();

    expect(client.aborted).toEqual([client.requests.map(({ requestId }) => requestId)]);
    expect(llm.numUnfinishedRequests).toBe(0);
  });

  it('does not write to a dead engine', () => {
    const { llm, client } = createLlm();
    const handle = llm.generate(createGenerateRequest(), new RecordingSink());
    client.isEngineDead = true;

    handle.abort();

    expect(client.aborted).toEqual([]);
    expect(llm.numUnfinishedRequests).toBe(0);
  });
});

describe('aborts by the clients’ ids', () => {
  it('take those requests alone', () => {
    const { llm, client } = createLlm();
    llm.generate(createGenerateRequest({ requestId: 'a' }), new RecordingSink());
    llm.generate(createGenerateRequest({ requestId: 'b' }), new RecordingSink());
    const turns: number[] = [];
    llm.onTurnEnd(() => turns.push(llm.numUnfinishedRequests));

    expect(llm.abort(['a', 'not there'])).toBe(2);

    expect(client.aborted).toEqual([[firstOf(client).requestId]]);
    expect(turns).toEqual([1]);
  });

  it('take all requests where no id is given', () => {
    const { llm, client } = createLlm();
    llm.generate(createGenerateRequest({ requestId: 'a' }), new RecordingSink());
    llm.generate(createGenerateRequest({ requestId: 'b' }), new RecordingSink());

    expect(llm.abort([])).toBe(2);

    expect(client.aborted).toEqual([client.requests.map(({ requestId }) => requestId)]);
    expect(llm.numUnfinishedRequests).toBe(0);
  });

  it('say nothing to the engines where there is nothing to abort', () => {
    const { llm, client } = createLlm();

    expect(llm.abort(['a'])).toBe(1);
    expect(llm.abort([])).toBe(0);

    expect(client.aborted).toEqual([]);
  });
});

describe('a limit of queued requests', () => {
  it('counts the answers asked for', () => {
    const { llm, metrics } = createLlm({ maxNumQueuedReqs: 3 });
    const generate = (n: number) =>
      llm.generate(createGenerateRequest({ sampling: { n } }), new RecordingSink());
    generate(2);

    expect(apiErrorOf(() => generate(2))).toEqual({
      message: busy,
      type: 'Service Unavailable',
      param: null,
      code: 503,
    });
    expect(apiErrorOf(() => llm.preflight(2)).message).toBe(busy);
    expect(metrics.rejections).toEqual(['max_num_queued_reqs', 'max_num_queued_reqs']);
    expect(() => llm.preflight(1)).not.toThrow();
    generate(1);
    expect(llm.numUnfinishedRequests).toBe(3);
  });
});

describe('a limit of queued prompt tokens', () => {
  it('refuses once it is reached, until a prefill is done', () => {
    const { llm, client, metrics } = createLlm({ maxNumQueuedTokens: 6 });
    const generate = () => llm.generate(createGenerateRequest(), new RecordingSink());
    generate();
    generate();

    expect(apiErrorOf(generate)).toEqual({
      message: backlog,
      type: 'Service Unavailable',
      param: null,
      code: 503,
    });
    expect(metrics.rejections).toEqual(['max_num_queued_tokens']);

    const { requestId } = firstOf(client);
    client.deliver({ outputs: [createEngineCoreOutput({ requestId, newTokenIds: [1] })] });
    expect(generate).not.toThrow();
  });
});

describe('a dead engine', () => {
  it('ends every request, and then the server is told', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();
    llm.generate(createGenerateRequest(), sink);
    const told: string[] = [];
    llm.onTurnEnd(() => told.push(`turn end, ${sink.errors.length} error`));
    llm.onEngineDead((reason) => told.push(reason));

    client.die('engine 0 exited');

    expect(sink.errors.map(({ message }) => message)).toEqual([dead]);
    expect(told).toEqual(['turn end, 1 error', 'engine 0 exited']);
    expect(llm.isErrored).toBe(true);
  });

  it('takes no request, whatever else is wrong with it', () => {
    const { llm, client } = createLlm({ maxNumQueuedReqs: 0 });
    client.isEngineDead = true;

    expect(
      apiErrorOf(() =>
        llm.generate(createGenerateRequest({ promptTokenIds: [] }), new RecordingSink()),
      ),
    ).toMatchObject({ message: dead, code: 500 });
    expect(apiErrorOf(() => llm.preflight(1)).message).toBe(dead);
  });

  it('needs nobody who listens', () => {
    const { client } = createLlm();

    expect(() => client.die('gone')).not.toThrow();
  });
});

describe('a message of an engine', () => {
  it('is recorded with the statistics of its outputs, at the frontend’s wall clock', () => {
    const { llm, client, metrics, clock } = createLlm();
    llm.generate(createGenerateRequest({ arrivalTime: 200 }), new RecordingSink());
    const { requestId } = firstOf(client);
    const schedulerStats = createSchedulerStats({ numRunningReqs: 1 });
    clock.advance(500);

    client.deliver({
      engineIndex: 3,
      schedulerStats,
      timestamp: 40,
      outputs: [createEngineCoreOutput({ requestId, newTokenIds: [1, 2] })],
    });

    expect(metrics.records).toMatchObject([
      [
        3,
        { numRunningReqs: 1 },
        { iterationTimestamp: 200.5, numGenerationTokens: 2, timeToFirstTokens: [0.5] },
      ],
    ]);
  });

  it('without outputs is recorded without them', () => {
    const { client, metrics } = createLlm();

    client.deliver({ schedulerStats: null });

    expect(metrics.records).toEqual([[0, null, null]]);
  });

  it('goes its way where no statistics are kept', () => {
    const { llm, client } = createLlm({ metrics: null, maxNumQueuedReqs: 1 });
    const sink = new RecordingSink();
    llm.generate(createGenerateRequest(), sink);
    const { requestId } = firstOf(client);

    client.deliver({ outputs: [createEngineCoreOutput({ requestId, newTokenIds: [97] })] });

    expect(sink.completions).toMatchObject([{ text: 'a' }]);
    expect(apiErrorOf(() => llm.preflight(1)).message).toBe(busy);
  });

  it('tells which weights made its tokens', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();
    llm.generate(createGenerateRequest(), sink);
    const { requestId } = firstOf(client);

    client.deliver({
      weightVersion: 'v1',
      outputs: [
        createEngineCoreOutput({
          requestId,
          newTokenIds: [97],
          finishReason: FinishReason.LENGTH,
        }),
      ],
    });

    expect(sink.completions[0]?.weightVersions).toEqual([{ version: 'v1', start: 0, end: 1 }]);
  });

  it('ends a turn after all of its outputs were handed over', () => {
    const { llm, client } = createLlm();
    const sink = new RecordingSink();
    llm.generate(createGenerateRequest(), sink);
    const { requestId } = firstOf(client);
    const turns: number[] = [];
    llm.onTurnEnd(() => turns.push(sink.outputs.length));
    const output = createEngineCoreOutput({ requestId, newTokenIds: [97] });

    client.deliver({ outputs: [output, output] });

    expect(turns).toEqual([2]);
  });
});

describe('a method of the engines', () => {
  it.each<[string, (llm: AsyncLLM) => Promise<unknown>, readonly unknown[]]>([
    ['pause_generation', (llm) => llm.pauseGeneration('keep', true), ['keep', true]],
    ['resume_scheduler', (llm) => llm.resumeGeneration(), []],
    ['is_scheduler_paused', (llm) => llm.isPaused(), []],
    ['sleep', (llm) => llm.sleep(2, 'wait'), [2, 'wait']],
    ['release_kv_cache_memory', (llm) => llm.releaseKvCacheMemory(), []],
    ['wake_up', (llm) => llm.wakeUp(['weights']), [['weights']]],
    ['wake_up', (llm) => llm.wakeUp(null), [null]],
    ['is_sleeping', (llm) => llm.isSleeping(), []],
    ['reset_prefix_cache', (llm) => llm.resetPrefixCache(true, false), [true, false]],
    ['reset_mm_cache', (llm) => llm.resetMmCache(), []],
    ['reset_encoder_cache', (llm) => llm.resetEncoderCache(), []],
    [
      'collective_rpc',
      (llm) => llm.collectiveRpc('method', 5, [1], { key: 2 }),
      ['method', 5, [1], { key: 2 }],
    ],
    ['get_weight_version', (llm) => llm.getWeightVersion(), []],
    ['set_weight_version', (llm) => llm.updateWeightVersion('v2'), ['v2']],
  ])('is called as %s on all of them', async (method, call, args) => {
    const { llm, client } = createLlm();

    await call(llm);

    expect(client.calls).toEqual([{ method, args }]);
  });

  it('gets the LoRA adapter as the array that the wire has', async () => {
    const { llm, client } = createLlm();
    const lora = createLoRARequest(['lora', 1, '/path']);
    client.results = [true];

    expect(await llm.addLora(lora)).toBe(true);
    expect(client.calls).toEqual([
      { method: 'add_lora', args: [['lora', 1, '/path', null, false, false]] },
    ]);
  });

  it('has the first engine’s result where results may differ', async () => {
    const { llm, client } = createLlm();
    client.results = ['first', 'second'];

    expect(await llm.collectiveRpc('method', null, [], {})).toBe('first');
  });

  it('has the result that all engines agree on', async () => {
    const { llm, client } = createLlm();

    client.results = [true, true];
    expect(await llm.isPaused()).toBe(true);
    expect(await llm.isSleeping()).toBe(true);
    client.results = [false, false];
    expect(await llm.isPaused()).toBe(false);
    expect(await llm.isSleeping()).toBe(false);
    client.results = ['v1', 'v1'];
    expect(await llm.getWeightVersion()).toBe('v1');
  });

  it('fails where they do not agree but must', async () => {
    const { llm, client } = createLlm();
    client.results = [true, false];

    await expect(llm.isSleeping()).rejects.toMatchObject({
      info: {
        message: 'Engines returned different is_sleeping results: [true, false]',
        code: 500,
      },
    });
    await expect(llm.isPaused()).rejects.toThrow('different is_scheduler_paused results');
    await expect(llm.getWeightVersion()).rejects.toThrow('different get_weight_version results');
  });

  it('succeeds to reset the prefix cache only on all of them', async () => {
    const { llm, client } = createLlm();

    client.results = [true, true];
    expect(await llm.resetPrefixCache(false, false)).toBe(true);
    client.results = [true, false];
    expect(await llm.resetPrefixCache(false, false)).toBe(false);
  });
});

describe('the sleep state in the metrics', () => {
  it('follows sleep, release and wake-up', async () => {
    const { llm, client, metrics } = createLlm();
    client.results = [true, true];

    await llm.sleep(2, 'abort');
    await llm.releaseKvCacheMemory();
    expect(await llm.wakeUp(null)).toBe(true);

    expect(metrics.sleepStates).toEqual([
      { isSleeping: true, level: 2 },
      { isSleeping: true, level: 0 },
      { isSleeping: false, level: 0 },
    ]);
  });

  it('stays asleep until every engine is awake in all parts', async () => {
    const { llm, client, metrics } = createLlm();
    client.results = [true, false];

    expect(await llm.wakeUp(['weights'])).toBe(false);

    expect(metrics.sleepStates).toEqual([]);
  });

  it('need not be kept', async () => {
    const { llm, client } = createLlm({ metrics: null });
    client.results = [true];

    await llm.sleep(1, 'abort');
    await llm.releaseKvCacheMemory();

    expect(await llm.wakeUp(null)).toBe(true);
  });
});

describe('more than one process can hold', () => {
  it('is refused as at an admission limit, before any of it is begun, and counted', () => {
    const { llm, client, metrics } = createLlm();
    expect(() => llm.ensureRoom(new Array<number>(1_024).fill(1), 100)).not.toThrow();
    expect(apiErrorOf(() => llm.ensureRoom([1], MAX_UNFINISHED_REQUESTS + 1))).toMatchObject({
      code: 503,
      message: ENGINE_BUSY_MESSAGE,
    });
    expect(apiErrorOf(() => llm.ensureRoom([MAX_QUEUED_PROMPT_TOKENS / 2 + 1], 2))).toMatchObject({
      code: 503,
    });
    expect(metrics.rejections).toEqual(['max_num_queued_reqs', 'max_num_queued_tokens']);
    expect(client.requests).toEqual([]);
  });

  it('is for a limit that was set by a flag to say', () => {
    const { llm } = createLlm({ maxNumQueuedReqs: 2 ** 30, maxNumQueuedTokens: 2 ** 40 });
    expect(() => llm.ensureRoom([MAX_QUEUED_PROMPT_TOKENS], 1_000_000)).not.toThrow();
  });

  it('ends a request whose way to the engine is full with 503, and aborts what was sent of it', () => {
    const { llm, client, metrics } = createLlm();
    const addRequest = client.addRequest.bind(client);
    client.addRequest = (request) => {
      if (client.requests.length === 2) throw new ServerError('E_UNAVAILABLE', ENGINE_BUSY_MESSAGE);
      return addRequest(request);
    };
    const request = createGenerateRequest({ sampling: { n: 4 } });
    const error = apiErrorOf(() => llm.generate(request, new RecordingSink()));
    expect(error).toMatchObject({ code: 503, type: 'Service Unavailable' });
    expect(metrics.rejections).toEqual(['max_num_queued_reqs']);
    expect(llm.numUnfinishedRequests).toBe(0);
    const sent = client.requests.map(({ requestId }) => requestId);
    expect(client.aborted.flat()).toEqual(expect.arrayContaining(sent));
  });

  it('lets what writes later go out', () => {
    const { llm, client } = createLlm();
    let numTurns = 0;
    llm.onTurnEnd(() => {
      numTurns += 1;
    });
    client.hasRoom = false;
    const seen: number[] = [];
    expect(llm.whenRoom(() => seen.push(numTurns))).toBe(false);
    client.resume?.();
    expect([seen, numTurns]).toEqual([[0], 1]);
  });
});
