/** Faults of a start-up: what our frontend makes of each, in vLLM's words, and that nothing stays behind. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineProcesses } from '../support/engine-processes.ts';
import { type Planned, serveWithFaults, startFaultyEngine } from '../support/faulty-start.ts';
import type { RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

type Given = Readonly<Record<string, unknown>>;

const TWO_ENGINES = ['--data-parallel-size', '2'];
const MOE = ['--model', 'openai/gpt-oss-20b', '--tokenizer', TINYMODEL];
const FIELD = 'handshake.field';
const GARBAGE = 'handshake.garbage';

/** Faults that end the start-up: what is injected, flags, what it says in its last line. */
const REFUSED: readonly (readonly [string, Given, readonly string[], RegExp])[] = [
  [
    'a second HELLO',
    { fault: 'handshake.second-hello' },
    [],
    /Unexpected HELLO message for local engine 0 in CoreEngineState\.CONNECTED state\.$/,
  ],
  [
    'an engine that says that it is remote',
    { fault: 'handshake.wrong-local' },
    [],
    /HELLO message from remote engine 0, expected it to be local$/,
  ],
  [
    'a rank that is not expected',
    { fault: 'handshake.wrong-rank', rank: 7 },
    [],
    /Message from engine with unexpected data parallel rank: 7$/,
  ],
  [
    'a rank that another engine has, of which the one that comes second is not heard',
    { fault: 'handshake.wrong-rank', engine: 1, rank: 0 },
    [...TWO_ENGINES, '--handshake-timeout', '2'],
    /Engine core initialization failed\. .*Did not receive response from front-end process/,
  ],
  [
    'another configuration',
    { fault: 'handshake.hash-mismatch', engine: 1 },
    [...TWO_ENGINES, ...MOE],
    /Configuration mismatch detected for engine [01]\. All DP workers must have identical/,
  ],
  [
    'another configuration of engines that have none in common',
    { fault: 'handshake.hash-mismatch', engine: 1 },
    TWO_ENGINES,
    /handshake\.hash-mismatch: this engine sends no parallel_config_hash/,
  ],
  [
    'a ready response without a field',
    { fault: FIELD, field: 'num_gpu_blocks', drop: true },
    [],
    /The ready response of engine 0 cannot be decoded: .*the required field num_gpu_blocks/,
  ],
  [
    'a field that the ready response of another version has not',
    { fault: FIELD, field: 'supports_lora', value: 'true' },
    ['--vllm-version', '0.28.0'],
    /handshake\.field: the ready response of vLLM 0\.28\.0 has no supports_lora; it has max_model_len/,
  ],
  [
    'a field of another type',
    { fault: FIELD, field: 'max_model_len', value: '"long"' },
    [],
    /The ready response of engine 0 cannot be decoded: .*max_model_len/,
  ],
  [
    'a field that is nil',
    { fault: FIELD, field: 'block_size' },
    [],
    /The ready response of engine 0 cannot be decoded: .*block_size/,
  ],
  [
    'garbage instead of HELLO',
    { fault: GARBAGE },
    [],
    /Engine 0 sent a handshake message that cannot be decoded/,
  ],
  [
    'garbage instead of READY',
    { fault: GARBAGE, message: 'ready' },
    [],
    /Engine 0 sent a handshake message that cannot be decoded/,
  ],
  [
    'garbage instead of the ready response',
    { fault: GARBAGE, message: 'ready-response' },
    [],
    /The ready response of engine 0 cannot be decoded/,
  ],
  [
    'an empty ready response',
    { fault: GARBAGE, message: 'ready-response', bytes: 0 },
    [],
    /The ready response of engine 0 cannot be decoded/,
  ],
  [
    'an engine that is never ready',
    { fault: 'handshake.no-ready', engine: 1 },
    [...TWO_ENGINES, '--engine-ready-timeout', '3'],
    /Timed out waiting for engine core processes to start: .*rank 1 \(local\) has connected but is not ready/,
  ],
];

describe('a server', () => {
  let folder = '';
  let server: RunningProcess;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'startup-faults-'));
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const serve = (fault: Given, words: readonly string[] = []): RunningProcess => {
    server = serveWithFaults([fault], words, { TMPDIR: folder });
    return server;
  };

  async function urlOf(started: RunningProcess): Promise<string> {
    const [, url = ''] = await started.waitForLog(/server on (http:\/\/\S+?)"/);
    return url;
  }

  async function metricsOf(started: RunningProcess): Promise<string> {
    return (await fetch(`${await urlOf(started)}/metrics`)).text();
  }

  it.each(REFUSED)('refuses %s, and leaves nothing behind', async (_, fault, words, says) => {
    // Its output is read to the end: no child of it has it open any more.
    expect(await serve(fault, words).waitForExit()).toEqual({ code: 1, signal: null });
    expect(server.log.trim().split('\n').at(-1)).toMatch(says);
    expect(server.log).toContain(`Fault ${String(fault['fault'])} begins (by the scenario)`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['HELLO', 'handshake.late-hello'],
    ['READY', 'handshake.late-ready'],
  ])('waits for a late %s', async (message, fault) => {
    const url = await urlOf(serve({ fault, delay: '300ms' }));
    expect(server.log).toContain(`${message} is held back for 300 ms (by the scenario)`);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('believes a field of the right type', async () => {
    const metrics = await metricsOf(
      serve({ fault: FIELD, field: 'kv_cache_size_tokens', value: 4096 }),
    );
    expect(metrics).toContain('kv_cache_size_tokens="4096"');
  });

  it.each([
    ['0,1', '1', '16400'],
    ['1,0', '1', '32784'],
    ['1', '2', '32784'],
  ])('hears the ranks in the order %s: the first one wins', async (ranks, count, tokens) => {
    const overrides = ['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}'];
    const words = [...TWO_ENGINES, ...overrides, '--dp-metrics', 'vllm'];
    const servers = ['--api-server-count', count];
    const started = serve({ fault: 'handshake.order', ranks }, [...words, ...servers]);
    const sizes = (await metricsOf(started)).matchAll(/kv_cache_size_tokens="(\d+)"/g);
    expect([...sizes].map(([, size]) => size)).toEqual([tokens, tokens]);
  });

  it('refuses a fault that no start-up has', async () => {
    expect((await serve({ fault: 'engine.hang' }).waitForExit()).code).toBe(1);
    expect(server.log).toContain('engine.hang is no fault of a start-up: give it a time');
  });
});

describe('a headless engine with a plan of its own', () => {
  const processes = new EngineProcesses();
  let engine: RunningProcess;
  afterEach(async () => {
    await engine.stop();
    await processes.close();
  });

  it('begins and ends its faults by itself, after READY, and says so', async () => {
    const frontend = await processes.frontend(1);
    const plan: readonly Planned[] = [
      [null, { fault: 'handshake.late-ready', delay: '50ms' }],
      [20, { fault: 'engine.slow', factor: 2, for: '100ms' }],
      [60, { fault: 'engine.preempt' }],
      [200, { fault: 'handshake.late-ready' }],
    ];
    engine = startFaultyEngine({ port: frontend.port, rank: 0, dataParallelSize: 1, plan });
    await frontend.allReady();
    await engine.waitForLog(/a running engine has no fault/);
    const said = [...engine.log.matchAll(/"msg":"((?:Fault|READY) [^"]*)"/g)].map(([, msg]) => msg);
    expect(said).toEqual([
      'Fault handshake.late-ready begins (by the scenario)',
      'READY is held back for 50 ms (by the scenario)',
      'Fault engine.slow begins, for 100 ms (by the scenario)',
      'Fault engine.preempt begins (by the scenario)',
      'Fault engine.slow ends (by the scenario)',
      'Fault handshake.late-ready begins (by the scenario)',
      'Fault handshake.late-ready is refused: a running engine has no fault handshake.late-ready',
    ]);
  });

  it('crashes by it, and tells its frontend', async () => {
    const frontend = await processes.frontend(1);
    const plan: readonly Planned[] = [[10, { fault: 'engine.dead-message' }]];
    engine = startFaultyEngine({ port: frontend.port, rank: 0, dataParallelSize: 1, plan });
    await frontend.allReady();
    await waitUntil('ENGINE_CORE_DEAD', async () => frontend.numDead === 1);
    expect(engine.exit).toBeNull();
  });
});

describe('a scenario file', () => {
  const processes = new EngineProcesses();
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'startup-faults-'));
    file = join(folder, 'scenario.json');
  });
  afterEach(async () => {
    await processes.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (...steps: readonly Given[]): void => {
    const planned = steps.map((step) => ({ at: 'start', ...step }));
    writeFileSync(file, JSON.stringify({ name: 'start', steps: planned }));
  };

  it.each(['0,1', '1,0'])('makes headless engines report in the order %s', async (ranks) => {
    write({ inject: 'handshake.order', ranks });
    const frontend = await processes.frontend(2);
    processes.start(frontend, 2, ['--scenario', file]);
    await frontend.allReady();
    expect([...frontend.readyResponses.keys()].join(',')).toBe(ranks);
  });

  it('ends a server with the exit code and the words of its fault', async () => {
    write({ inject: 'handshake.second-hello', engine: 0 });
    const sizes = ['--max-model-len', '1024', '--port', '0'];
    const twin = new Twin(['serve', TINYMODEL, ...sizes, '--scenario', file]);
    expect((await twin.waitForExit()).code).toBe(1);
    expect(twin.log).toContain('Unexpected HELLO message for local engine 0');
  });
});
