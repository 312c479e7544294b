/** Engine-core processes behind a frontend of bare sockets, over real ZeroMQ: recorded frames, garbage and load. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DROPPED_MESSAGE } from '../../src/shared/dropped-messages.ts';
import type { KVEventMessage } from '../../src/shared/protocol/kv-events.ts';
import { type EngineCoreOutputs, FinishReason } from '../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { freePorts } from '../support/free-ports.ts';
import {
  comparableEvents,
  liveSamples,
  prefixCacheSums,
  recordedEvents,
  recordedOutputs,
  requestOutputs,
  sendRecorded,
  utilityAnswers,
} from '../support/live-frames.ts';
import { TINYMODEL } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';
import { wireCodec } from '../support/wire-codec.ts';

const { decodeKVEventReplayReply, encodeKVEventReplayRequest } = wireCodec;

/** As the recorded engines were started; their requests carry scripts and a crash. */
const RECORDED = [
  ...['--max-num-seqs', '128', '--max-num-batched-tokens', '2048'],
  '--enable-faults',
];

describe('engine-core processes', () => {
  let processes: EngineProcesses;
  beforeEach(() => {
    processes = new EngineProcesses();
  });
  afterEach(() => processes.close());

  const endless = (requestId: string, maxTokens = 900) =>
    createTestRequest({ requestId, sampling: { maxTokens, ignoreEos: true } });

  /** All batches that the engine has published, from its buffer. */
  async function replayEvents(endpoint: string): Promise<readonly KVEventMessage[]> {
    const dealer = processes.transport.connectDealer(endpoint, {
      lingerMs: 0,
      identity: Buffer.from('subscriber'),
    });
    processes.closables.push(dealer);
    const messages: KVEventMessage[] = [];
    const ended = new Promise<void>((resolve) => {
      dealer.onMessage((frames) => {
        const reply = decodeKVEventReplayReply(frames);
        if (reply.type === 'end') resolve();
        else messages.push(reply.message);
      });
    });
    dealer.send(encodeKVEventReplayRequest(0));
    await ended;
    return messages;
  }

  describe('driven by recorded frames', () => {
    it('answers every ADD, ABORT and UTILITY as vLLM did, to the last word', async () => {
      const [publish = 0, replay = 0] = await freePorts(2);
      const frontend = await processes.frontend(1);
      const config = {
        enable_kv_cache_events: true,
        publisher: 'zmq',
        endpoint: `tcp://127.0.0.1:${publish}`,
        replay_endpoint: `tcp://127.0.0.1:${replay}`,
      };
      const twin = processes.start(frontend, 1, [
        ...RECORDED,
        ...['--max-model-len', '512', '--num-gpu-blocks-override', '33', '--enable-sleep-mode'],
        ...['--kv-events-config', JSON.stringify(config)],
      ]);
      await frontend.allReady();
      const recorded = liveSamples('dp1');
      const crash = recorded.findIndex(({ name }) => name === 'live/dp1/094/ADD');
      await sendRecorded(recorded.slice(0, crash), frontend);
      const expected = recordedOutputs(recorded);
      const { outputs } = frontend;
      expect(requestOutputs(outputs, ['r-ab'])).toEqual(requestOutputs(expected, ['r-ab']));
      expect(utilityAnswers(outputs)).toEqual(utilityAnswers(expected));
      expect(prefixCacheSums(outputs)).toEqual(prefixCacheSums(expected));
      // Later events depend on when an ABORT arrived.
      const published = await replayEvents(config.replay_endpoint);
      const events = recordedEvents(recorded).slice(0, 4);
      expect(comparableEvents(published.slice(0, 4))).toEqual(comparableEvents(events));

      await sendRecorded(recorded.slice(crash), frontend);
      await waitUntil('ENGINE_CORE_DEAD', async () => frontend.numDead === 1);
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    });

    it('two ranks answer side by side, with finished requests for the coordinator', async () => {
      const frontend = await processes.frontend(2, { withCoordinator: true });
      processes.start(frontend, 2, [...RECORDED, '--num-gpu-blocks-override', '65']);
      await frontend.allReady();
      const recorded = liveSamples('dp2');
      await sendRecorded(recorded, frontend);
      for (const rank of [0, 1]) {
        const of = (outputs: readonly EngineCoreOutputs[]) =>
          requestOutputs(outputs.filter(({ engineIndex }) => engineIndex === rank));
        expect(of(frontend.outputs)).toEqual(of(recordedOutputs(recorded)));
      }
    });
  });

  describe('of a mixture-of-experts model', () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'moe-model-'));
      const text = readFileSync(join(TINYMODEL, 'config.json'), 'utf8');
      const tiny = JSON.parse(text) as Record<string, unknown>;
      const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
      const kind = { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...tiny, ...kind, ...experts }));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('step in waves, agree on their configuration, and answer as recorded', async () => {
      const [master = 0] = await freePorts(1);
      const parallelConfig = {
        data_parallel_master_ip: '127.0.0.1',
        data_parallel_master_port: master,
        data_parallel_size: 2,
      };
      const frontend = await processes.frontend(2, { withCoordinator: true, parallelConfig });
      const sizes = ['--num-gpu-blocks-override', '65', '--step-time', '2'];
      processes.start(frontend, 2, [...RECORDED, '--model', folder, ...sizes]);
      await frontend.allReady();
      const ready = frontend.handshakes.filter(({ message }) => message.status === 'READY');
      const hashes = ready.map(({ message }) => message.parallelConfigHash);
      expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
      expect(hashes[1]).toBe(hashes[0]);

      const recorded = liveSamples('dp2_moe');
      const second = recorded.findIndex(({ name }) => name === 'live/dp2_moe/020/ADD');
      const endOf = (wave: number): Promise<void> =>
        waitUntil(`the end of wave ${wave}`, async () =>
          frontend.toCoordinator.some(({ waveComplete }) => waveComplete === wave),
        );
      await sendRecorded(recorded.slice(0, second), frontend);
      await endOf(0);
      await sendRecorded(recorded.slice(second, second + 1), frontend);
      await frontend.finished('d2');
      await endOf(1);
      // The recording ends before the last token of d2.
      const expected = recordedOutputs(recorded);
      for (const rank of [0, 1]) {
        const of = (outputs: readonly EngineCoreOutputs[]) =>
          requestOutputs(outputs.filter(({ engineIndex }) => engineIndex === rank));
        expect(of(frontend.outputs).slice(0, of(expected).length)).toEqual(of(expected));
      }
      const waves = frontend.toCoordinator.map(({ waveComplete }) => waveComplete);
      expect(waves.filter((wave) => wave !== null)).toEqual([0, 1]);
    });
  });

  it('of some ranks only join with those ranks', async () => {
    const frontend = await processes.frontend(2);
    const place = ['--data-parallel-size', '4', '--data-parallel-start-rank', '2'];
    const overrides = ['--engine-overrides', '{"3": {"num_gpu_blocks_override": 99}}'];
    processes.start(frontend, 2, [...place, '--num-gpu-blocks-override', '65', ...overrides]);
    await frontend.allReady();
    const blocks = [...frontend.readyResponses.values()].map((ready) => [
      ready.dataParallelRank,
      ready.numGpuBlocks,
    ]);
    expect(blocks.sort()).toEqual([
      [2, 65],
      [3, 99],
    ]);
  });

  describe('given garbage', () => {
    it('drop it, say each kind once, and serve everybody else', async () => {
      const frontend = await processes.frontend(2);
      const twin = processes.start(frontend, 2);
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
        [
          add,
          Buffer.concat([Buffer.from([0xc9, 0x00, 0x01, 0x86, 0xa0, 0x01]), Buffer.alloc(100_000)]),
        ],
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
      const dropped = twin.log
        .split('\n')
        .filter((line) => line.includes(DROPPED_MESSAGE))
        .map((line) => (JSON.parse(line) as { err: string }).err);
      expect(dropped.length).toBeGreaterThan(8);
      expect(new Set(dropped).size).toBe(dropped.length);
      expect(dropped.length).toBeLessThanOrEqual(garbage.length);
      expect(twin.log).toContain('Dropped an ADD of request r0: a request of that id is running');
      expect(twin.exit).toBeNull();
    });

    it('outlive a frame of 100 MB', async () => {
      const frontend = await processes.frontend(1);
      processes.start(frontend, 1);
      await frontend.allReady();
      frontend.send(0, { type: 'ADD', request: endless('a') });
      const huge = Buffer.alloc(100_000_000, 0x91);
      frontend.sendFrames(0, [Buffer.from([0]), huge]);
      frontend.sendFrames(0, [
        Buffer.from([3]),
        Buffer.concat([Buffer.from('c605f5e0fb', 'hex'), huge.subarray(5)]),
      ]);
      await frontend.finished('a');
      expect(frontend.tokensOf('a')).toHaveLength(900);
      expect(await frontend.call(0, 'is_sleeping')).toBe(false);
    });
  });

  describe('told to pause while a request is in flight', () => {
    it.each([
      ['pause_scheduler', ['wait', true]],
      ['sleep', [1, 'wait']],
    ])('answer %s %j once it has ended', async (method, args) => {
      const frontend = await processes.frontend(1);
      processes.start(frontend, 1, ['--step-time', '5']);
      await frontend.allReady();
      const sampling = { maxTokens: 20, ignoreEos: true };
      frontend.send(0, { type: 'ADD', request: createTestRequest({ requestId: 'a', sampling }) });
      await waitUntil('a token', async () => frontend.tokensOf('a').length > 0);
      expect(await frontend.call(0, method, args)).toBeNull();
      expect(frontend.tokensOf('a')).toHaveLength(20);
      expect(await frontend.call(0, 'is_scheduler_paused')).toBe(true);
    });
  });

  describe('under load', () => {
    it('answer each call before the next though steps take no time', async () => {
      const frontend = await processes.frontend(1, { withFlood: true });
      // Work for far longer than twenty calls take on the slowest machine: an engine that is done proves nothing.
      processes.start(frontend, 1, [
        ...['--num-gpu-blocks-override', '80000', '--max-model-len', '20000'],
        ...['--hf-overrides', '{"max_position_embeddings": 20000}'],
      ]);
      await frontend.allReady();
      for (let i = 0; i < 64; i += 1) frontend.flood(0, endless(`r${i}`, 19_000));
      await waitUntil('tokens', async () => frontend.numFlooded > 5);
      let numBefore = frontend.numFlooded;
      for (let i = 0; i < 20; i += 1) {
        await frontend.call(0, 'is_sleeping');
        expect(frontend.numFlooded).toBeGreaterThan(numBefore);
        numBefore = frontend.numFlooded;
      }
    });

    it('hold back for a client that does not read, and lose nothing', async () => {
      const frontend = await processes.frontend(1);
      processes.start(frontend, 1, ['--num-gpu-blocks-override', '20000']);
      await frontend.allReady();
      for (let i = 0; i < 64; i += 1) frontend.send(0, { type: 'ADD', request: endless(`r${i}`) });
      await waitUntil('tokens', async () => frontend.outputs.length > 5);
      // Nobody reads while this process does nothing else.
      const deadline = performance.now() + 1_000;
      while (performance.now() < deadline);
      await frontend.finished('r63');
      for (let i = 0; i < 64; i += 1) expect(frontend.tokensOf(`r${i}`)).toHaveLength(900);
    });
  });
});

/** Arrays in arrays in arrays. */
function nestedArrays(depth: number): Buffer {
  return Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
}
