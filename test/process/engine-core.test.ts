/** Engine-core processes behind a frontend of bare sockets, over real ZeroMQ. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeEngineCoreOutputs,
  decodeEngineInput,
  decodeKVEventMessage,
  SUBSCRIBE_ALL,
} from '../../src/shared/protocol/codec.ts';
import type { KVEventMessage } from '../../src/shared/protocol/kv-events.ts';
import { type EngineCoreOutputs, FinishReason } from '../../src/shared/protocol/outputs.ts';
import type { Closable, Transport } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { createTestRequest } from '../support/engine.ts';
import { freePorts } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';
import { ZmqFrontend, type ZmqFrontendOptions } from '../support/zmq-frontend.ts';

interface Sample {
  readonly name: string;
  readonly kind: string;
  readonly frames: readonly string[];
}
const { samples } = JSON.parse(
  readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'),
) as { samples: readonly Sample[] };

/** As the recorded engines were started. */
const RECORDED = ['--max-num-seqs', '128', '--max-num-batched-tokens', '2048'];

describe('engine-core processes', () => {
  let transport: Transport;
  const closables: Closable[] = [];
  const twins: Twin[] = [];

  beforeEach(() => {
    transport = createZmqTransport();
  });
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    await Promise.all(closables.splice(0).map((closable) => closable.close()));
  });

  async function frontendFor(
    engineCount: number,
    options: Partial<ZmqFrontendOptions> = {},
  ): Promise<ZmqFrontend> {
    const frontend = await ZmqFrontend.start({ transport, engineCount, ...options });
    closables.push(frontend);
    return frontend;
  }

  function startEngines(frontend: ZmqFrontend, count: number, words: readonly string[] = []): Twin {
    const ranks = ['--data-parallel-size', `${count}`, '--data-parallel-size-local', `${count}`];
    const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port'];
    const model = words.includes('--model') ? [] : [TINYMODEL];
    const twin = new Twin([
      ...['serve', ...model, '--headless', ...ranks, ...place, frontend.port],
      ...['--step-time', 'zero', '--token-source', 'rule', '--max-model-len', '1024', ...words],
    ]);
    twins.push(twin);
    return twin;
  }

  const endless = (requestId: string) =>
    createTestRequest({ requestId, sampling: { maxTokens: 900, ignoreEos: true } });
  const short = (requestId: string) =>
    createTestRequest({ requestId, sampling: { maxTokens: 4, ignoreEos: true } });

  describe('driven by recorded frames', () => {
    it('answers every ADD, ABORT and UTILITY as vLLM did, to the last word', async () => {
      const [events = 0, replay = 0] = await freePorts(2);
      const frontend = await frontendFor(1);
      const config = {
        enable_kv_cache_events: true,
        publisher: 'zmq',
        endpoint: `tcp://127.0.0.1:${events}`,
        replay_endpoint: `tcp://127.0.0.1:${replay}`,
      };
      const twin = startEngines(frontend, 1, [
        ...RECORDED,
        ...['--max-model-len', '512', '--num-gpu-blocks-override', '33', '--enable-sleep-mode'],
        ...['--kv-events-config', JSON.stringify(config)],
      ]);
      await frontend.allReady();
      const subscriber = transport.connectXSub(config.endpoint, { lingerMs: 0, identity: null });
      closables.push(subscriber);
      const published: KVEventMessage[] = [];
      subscriber.onMessage((frames) => published.push(decodeKVEventMessage(frames)));
      subscriber.send([SUBSCRIBE_ALL]);
      // A subscription has arrived once calls are answered after it: give ZeroMQ that round trip.
      await frontend.call(0, 'is_sleeping');
      frontend.outputs.length = 0;

      const recorded = liveSamples('live/dp1/');
      await replay_(recorded, frontend);
      expect(requestOutputs(frontend.outputs)).toEqual(requestOutputs(recordedOutputs(recorded)));
      expect(utilityAnswers(frontend.outputs)).toEqual(utilityAnswers(recordedOutputs(recorded)));
      expect(prefixCacheSums(frontend.outputs)).toEqual(
        prefixCacheSums(recordedOutputs(recorded)),
      );
      await waitUntil('ENGINE_CORE_DEAD', async () => frontend.numDead === 1);
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });

      const expected = recorded
        .filter(({ kind }) => kind === 'KV_EVENT')
        .map(({ frames }) => decodeKVEventMessage(frames.map((hex) => Buffer.from(hex, 'hex'))));
      expect(flatEvents(published)).toEqual(flatEvents(expected));
    });

    it('two ranks answer side by side, with finished requests for the coordinator', async () => {
      const frontend = await frontendFor(2, { withCoordinator: true });
      startEngines(frontend, 2, [...RECORDED, '--num-gpu-blocks-override', '65']);
      await frontend.allReady();
      const recorded = liveSamples('live/dp2/');
      await replay_(recorded, frontend);
      for (const rank of [0, 1]) {
        const of = (outputs: readonly EngineCoreOutputs[]) =>
          requestOutputs(outputs.filter(({ engineIndex }) => engineIndex === rank));
        expect(of(frontend.outputs)).toEqual(of(recordedOutputs(recorded)));
      }
    });
  });

  describe('given garbage', () => {
    it('drop it, say each kind once, and serve everybody else', async () => {
      const frontend = await frontendFor(2);
      const twin = startEngines(frontend, 2);
      await frontend.allReady();
      for (const rank of [0, 1]) frontend.send(rank, { type: 'ADD', request: endless(`r${rank}`) });
      const add = Buffer.from([0]);
      const bomb = nestedArrays(100_000);
      const garbage: Buffer[][] = [
        [],
        [Buffer.alloc(0)],
        [Buffer.from([9]), Buffer.from([0x90])],
        [Buffer.from('ADD'), Buffer.from([0x90])],
        [add],
        [add, Buffer.from([0xc1])],
        [add, Buffer.from([0x90])],
        [add, Buffer.from('93a178a179a17a', 'hex')],
        [add, Buffer.from('9cff', 'hex')],
        [add, Buffer.from('dcffffa178', 'hex')],
        [add, Buffer.from('ddffffffff', 'hex')],
        [add, Buffer.from('c7ff03', 'hex')],
        [add, Buffer.from('c9ffffffff01', 'hex')],
        [add, Buffer.concat([Buffer.from([0xc9, 0x00, 0x01, 0x86, 0xa0, 0x01]), Buffer.alloc(100_000)])],
        [add, bomb],
        [add, Buffer.from('a178', 'hex'), Buffer.from('tail')],
        [Buffer.from([1]), Buffer.from('91c0', 'hex')],
        [Buffer.from([1]), Buffer.from('a161', 'hex')],
        [Buffer.from([3]), Buffer.from('94a161a162a163a164', 'hex')],
        [Buffer.from([2]), Buffer.from('92a161c0', 'hex')],
      ];
      for (let round = 0; round < 3; round += 1)
        for (const frames of garbage) frontend.sendFrames(0, frames);
      // Well-formed, but of requests that are or are not there.
      frontend.send(0, { type: 'ADD', request: endless('r0') });
      frontend.send(0, { type: 'ABORT', requestIds: ['nobody', 'r0-too'] });
      frontend.send(0, { type: 'ADD', request: { ...endless('odd'), samplingParams: null } });
      await frontend.finished('odd');
      expect(frontend.finishReasonOf('odd')).toBe(FinishReason.ERROR);
      for (const rank of [0, 1]) {
        await frontend.finished(`r${rank}`);
        expect(frontend.finishReasonOf(`r${rank}`)).toBe(FinishReason.LENGTH);
        expect(frontend.tokensOf(`r${rank}`)).toHaveLength(900);
        expect(await frontend.call(rank, 'is_sleeping')).toBe(false);
      }
      const dropped = twin.log.match(/Dropped a message that cannot be decoded: [^"]*/g) ?? [];
      expect(dropped.length).toBeGreaterThan(8);
      expect(new Set(dropped).size).toBe(dropped.length);
      expect(dropped.length).toBeLessThanOrEqual(garbage.length);
      expect(twin.log).toContain('Dropped an ADD of request r0: a request of that id is running');
      expect(twin.exit).toBeNull();
    });

    it('outlive a frame of 100 MB', async () => {
      const frontend = await frontendFor(1);
      startEngines(frontend, 1);
      await frontend.allReady();
      frontend.send(0, { type: 'ADD', request: endless('a') });
      const huge = Buffer.alloc(100_000_000, 0x91);
      frontend.sendFrames(0, [Buffer.from([0]), huge]);
      frontend.sendFrames(0, [Buffer.from([3]), Buffer.concat([Buffer.from('c605f5e0fb', 'hex'), huge.subarray(5)])]);
      await frontend.finished('a');
      expect(frontend.tokensOf('a')).toHaveLength(900);
      expect(await frontend.call(0, 'is_sleeping')).toBe(false);
    });
  });

  describe('under load', () => {
    it('answer a call within 20 ms though steps take no time', async () => {
      const frontend = await frontendFor(1);
      startEngines(frontend, 1, ['--max-num-seqs', '256']);
      await frontend.allReady();
      for (let i = 0; i < 256; i += 1) frontend.send(0, { type: 'ADD', request: endless(`r${i}`) });
      await waitUntil('tokens', async () => frontend.outputs.length > 5);
      const waits: number[] = [];
      while (frontend.finishReasonOf('r0') === null && waits.length < 40) {
        const startMs = performance.now();
        await frontend.call(0, 'is_sleeping');
        waits.push(performance.now() - startMs);
      }
      expect(waits.length).toBeGreaterThan(10);
      waits.sort((a, b) => a - b);
      // This process decodes 256 tokens a step on the same cores: the median is the engine's, the tail both's.
      expect(waits[Math.floor(waits.length / 2)]).toBeLessThan(20);
    });
  });

  describe('told to end', () => {
    it.each(['SIGTERM', 'SIGINT'] as const)('by %s, abort what runs and exit with 0', async (signal) => {
      const frontend = await frontendFor(2);
      const twin = startEngines(frontend, 2, ['--step-time', '20']);
      await frontend.allReady();
      for (const rank of [0, 1]) frontend.send(rank, { type: 'ADD', request: endless(`r${rank}`) });
      for (const rank of [0, 1])
        await waitUntil('a token', async () => frontend.tokensOf(`r${rank}`).length > 0);
      twin.signal(signal);
      expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
      await frontend.finished('r1');
      expect(['r0', 'r1'].map((id) => frontend.finishReasonOf(id))).toEqual([
        FinishReason.ABORT,
        FinishReason.ABORT,
      ]);
      expect(frontend.numDead).toBe(0);
    });

    it('let requests drain with --shutdown-timeout', async () => {
      const frontend = await frontendFor(1);
      const twin = startEngines(frontend, 1, ['--step-time', '2', '--shutdown-timeout', '30']);
      await frontend.allReady();
      frontend.send(0, { type: 'ADD', request: endless('a') });
      await waitUntil('a token', async () => frontend.tokensOf('a').length > 0);
      twin.signal('SIGTERM');
      expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
      await frontend.finished('a');
      expect(frontend.tokensOf('a')).toHaveLength(900);
    });

    it('by the death of their parent, do so at once', async () => {
      const frontend = await frontendFor(2);
      const twin = startEngines(frontend, 2);
      await frontend.allReady();
      twin.signal('SIGKILL');
      await twin.waitForExit();
      // Their stderr was the parent's: ZeroMQ tells that they are gone.
      await waitUntil('no engine left', async () => (await childPids(frontend.port)).length === 0);
    });

    it('by a frontend that is gone, do so within seconds', async () => {
      const frontend = await frontendFor(2);
      const twin = startEngines(frontend, 2);
      await frontend.allReady();
      await frontend.close();
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('The frontend has been gone for 3 s; the engine core ends too');
    });

    it('by a model that crashes, tell everybody and exit with 1', async () => {
      const frontend = await frontendFor(2);
      const twin = startEngines(frontend, 2);
      await frontend.allReady();
      const crash = createTestRequest({
        requestId: 'crash',
        sampling: { maxTokens: 5, extraArgs: { oracle_crash: 1 } },
      });
      frontend.send(1, { type: 'ADD', request: crash });
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
      await waitUntil('ENGINE_CORE_DEAD', async () => frontend.numDead === 1);
      expect(twin.log).toContain('EngineCore encountered a fatal error.');
      expect(twin.log).toContain('EngineCore_DP1 ended with exit code 1; the other engines end too');
    });
  });

  describe('that cannot start', () => {
    it.each([
      ['too little memory', ['--gpu-memory', '2GB', '--weights-bytes', '4GB'], 1, 'No available memory for the cache blocks'],
      ['too many blocks', ['--num-gpu-blocks-override', '1000000000'], 1, 'CUDA out of memory. Tried to allocate'],
      ['a context that does not fit', ['--kv-cache-memory-bytes', '1MB'], 1, 'larger than the available KV cache memory'],
      ['a model that does not exist', ['--model', 'nobody/nothing'], 2, 'model nobody/nothing is neither in the catalogue'],
    ])('for %s say so in one line', async (_, words, code, message) => {
      const frontend = await frontendFor(1);
      const twin = startEngines(frontend, 1, words);
      expect(await twin.waitForExit()).toEqual({ code, signal: null });
      const errors = twin.log.split('\n').filter((line) => line.includes('EngineCore failed to start'));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain(message);
    });

    it('for want of a frontend give up after --handshake-timeout', async () => {
      const frontend = await frontendFor(1, { init: null });
      const twin = startEngines(frontend, 1, ['--handshake-timeout', '1']);
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('Did not receive response from front-end process at');
      expect(twin.log).toContain('(--handshake-timeout sets the wait)');
    });

    it('for want of a coordinator give up after --coordinator-ready-timeout', async () => {
      // It waits for a third engine.
      const frontend = await frontendFor(3, { withCoordinator: true });
      const twin = startEngines(frontend, 2, ['--coordinator-ready-timeout', '1']);
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('no READY message from the DP Coordinator at');
    });

    it('for a frontend that talks nonsense quote it', async () => {
      const frontend = await frontendFor(1, { init: [Buffer.from('hello')] });
      const twin = startEngines(frontend, 1);
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('answered HELLO with something else than INIT');
    });

    it.each([
      [['--max-modl-len', '1'], 'unknown flag --max-modl-len (did you mean --max-model-len?); see --help'],
      [['--block-size', 'x'], "--block-size 'x': must be a whole number"],
      [['--data-parallel-start-rank', '2'], '--data-parallel-start-rank 2 and 1 local engine(s) go beyond --data-parallel-size 1'],
      [['--kv-events-config', '{"x": 1}'], '--kv-events-config: unknown key x'],
    ])('for a flag that is wrong say so in one line, with exit code 2: %j', async (words, message) => {
      const frontend = await frontendFor(1);
      const twin = startEngines(frontend, 1, words);
      expect(await twin.waitForExit()).toEqual({ code: 2, signal: null });
      expect(twin.log.trimEnd().split('\n')).toHaveLength(1);
      expect(twin.log).toContain(message);
    });
  });
});

/** Arrays in arrays in arrays. */
function nestedArrays(depth: number): Buffer {
  return Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
}

/** Processes that were given this handshake port. */
async function childPids(port: string): Promise<readonly string[]> {
  const { readdirSync } = await import('node:fs');
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const line = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return line.includes(`VLLM_TWIN_TEST_PORT=${port}`);
    } catch {
      return false;
    }
  });
}

function liveSamples(prefix: string): readonly Sample[] {
  return samples.filter(({ name }) => name.startsWith(prefix));
}

function framesOf({ frames }: Sample): readonly Buffer[] {
  return frames.map((hex) => Buffer.from(hex, 'hex'));
}

function recordedOutputs(recorded: readonly Sample[]): readonly EngineCoreOutputs[] {
  return recorded
    .filter(({ kind }) => kind === 'OUTPUT')
    .map((sample) => decodeEngineCoreOutputs(framesOf(sample)))
    .filter((outputs) => outputs !== 'ENGINE_CORE_DEAD');
}

/** Sends each recorded input once all that was answered before it is there. */
async function replay_(recorded: readonly Sample[], frontend: ZmqFrontend): Promise<void> {
  let numExpected = 0;
  const isAnswer = ({ outputs, utilityOutput }: EngineCoreOutputs): boolean =>
    outputs.length > 0 || utilityOutput !== null;
  const numAnswers = (): number => frontend.outputs.filter(isAnswer).length;
  for (const sample of recorded) {
    if (sample.kind === 'OUTPUT') {
      const outputs = decodeEngineCoreOutputs(framesOf(sample));
      if (outputs !== 'ENGINE_CORE_DEAD' && isAnswer(outputs)) numExpected += 1;
    }
    if (!['ADD', 'ABORT', 'UTILITY'].includes(sample.kind)) continue;
    const expected = numExpected;
    await waitUntil(`${expected} answers`, async () => numAnswers() >= expected);
    const [identity = Buffer.alloc(2), ...frames] = framesOf(sample);
    decodeEngineInput(frames);
    frontend.sendFrames(identity.readUInt16LE(), frames);
  }
  await waitUntil(`${numExpected} answers`, async () => numAnswers() >= numExpected);
}

/** Request outputs in order, without times. */
function requestOutputs(outputs: readonly EngineCoreOutputs[]): readonly unknown[] {
  return outputs
    .filter((message) => message.outputs.length > 0)
    .map(({ engineIndex, outputs: list, finishedRequests, weightVersion, schedulerStats }) => ({
      engineIndex,
      finishedRequests,
      weightVersion,
      running: schedulerStats?.numRunningReqs,
      waiting: schedulerStats?.numWaitingReqs,
      usage: schedulerStats?.kvCacheUsage,
      outputs: list.map((output) => ({
        ...output,
        events: output.events?.map(({ type }) => type) ?? null,
      })),
    }));
}

function utilityAnswers(outputs: readonly EngineCoreOutputs[]): readonly unknown[] {
  return outputs.map(({ utilityOutput }) => utilityOutput).filter((answer) => answer !== null);
}

/** Whichever message carries them, queries and hits add up. */
function prefixCacheSums(outputs: readonly EngineCoreOutputs[]): unknown {
  const sums = { requests: 0, queries: 0, hits: 0 };
  for (const { schedulerStats } of outputs) {
    const stats = schedulerStats?.prefixCacheStats;
    sums.requests += stats?.requests ?? 0;
    sums.queries += stats?.queries ?? 0;
    sums.hits += stats?.hits ?? 0;
  }
  return sums;
}

/** All events in order; hashes depend on a process's secret, so they are numbered as they come. */
function flatEvents(messages: readonly KVEventMessage[]): readonly unknown[] {
  const numbers = new Map<string, number>();
  const numberOf = (hash: unknown): number => {
    const key = String(hash);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  };
  return messages.map(({ topic, seq, payload }) => ({ topic, seq, payload: payload, numberOf }));
}
