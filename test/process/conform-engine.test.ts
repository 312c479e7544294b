/** `vllm-twin conform engine` over our own engine processes, as they are and with faults; what it prints, writes and leaves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFaultyEngine } from '../support/faulty-start.ts';
import type { RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

interface Report {
  readonly checks: readonly { readonly id: string; readonly verdict: string }[];
  readonly passed: number;
  readonly failed: number;
}

const processes: RunningProcess[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'conform-'));
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function run(words: readonly string[]): Twin {
  const twin = new Twin(['conform', ...words], { COLUMNS: '80' });
  processes.push(twin);
  return twin;
}

/** The command, and the port at which it waits for engines. */
async function listening(words: readonly string[] = []): Promise<[Twin, string]> {
  const conform = run(['engine', '--listen', 'tcp://127.0.0.1:0', ...words]);
  const [, port = ''] = await conform.waitForLog(/--data-parallel-rpc-port (\d+)/);
  return [conform, port];
}

function startEngines(port: string, size: number, words: readonly string[] = []): void {
  const ranks = ['--data-parallel-size', `${size}`, '--data-parallel-size-local', `${size}`];
  const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', port];
  const sizes = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
  const model = ['serve', '--headless', '--model', TINYMODEL, '--step-time', '1'];
  processes.push(new Twin([...model, ...sizes, ...ranks, ...place, ...words]));
}

const failedOf = (conform: Twin): readonly string[] =>
  (JSON.parse(conform.stdout) as Report).checks
    .filter(({ verdict }) => verdict === 'failed')
    .map(({ id }) => id);

describe('vllm-twin conform engine', () => {
  it('passes two of our engines, and says so to people, to CI and in frames', async () => {
    const [junit, record] = [join(folder, 'conform.xml'), join(folder, 'frames')];
    const [conform, port] = await listening([
      ...['--data-parallel-size', '2', '--junit', junit, '--record', record],
    ]);
    startEngines(port, 2);
    expect(await conform.waitForExit(60_000)).toEqual({ code: 0, signal: null });
    expect(conform.stdout).toMatch(/^ok {6}engine\.hello\.identity$/m);
    expect(conform.stdout).toMatch(/^\d+ passed, 0 failed, \d+ not applicable \(vLLM 0\.33\.0\)$/m);
    expect(conform.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(readFileSync(junit, 'utf8')).toContain('failures="0"');
    expect(readdirSync(record)).toHaveLength(1);
    const shown = new Twin(['frames', record, '--json', '--type', 'HELLO,READY,UTILITY']);
    processes.push(shown);
    expect((await shown.waitForExit()).code).toBe(0);
    expect(shown.stdout).toContain('"type":"HELLO"');
    expect(shown.stdout).toContain('no_such_method');
  });

  it('fails one that says READY for another place, and nothing else', async () => {
    const [conform, port] = await listening(['--json']);
    const plan = [[null, { fault: 'handshake.wrong-local' }]] as const;
    processes.push(startFaultyEngine({ port, rank: 0, dataParallelSize: 1, plan }));
    expect(await conform.waitForExit(60_000)).toEqual({ code: 1, signal: null });
    expect(failedOf(conform)).toEqual(['engine.hello.place']);
    const report = JSON.parse(conform.stdout) as Report;
    expect(Object.keys(report)).toEqual(['checks', 'passed', 'failed']);
    expect(report.failed).toBe(1);
  });

  it('ends in its time where an engine hangs in its start', async () => {
    const begunMs = performance.now();
    const [conform, port] = await listening(['--json', '--timeout', '3']);
    const plan = [[null, { fault: 'handshake.no-ready' }]] as const;
    processes.push(startFaultyEngine({ port, rank: 0, dataParallelSize: 1, plan }));
    expect((await conform.waitForExit(30_000)).code).toBe(1);
    expect(performance.now() - begunMs).toBeLessThan(30_000);
    expect(failedOf(conform)).toContain('engine.ready.said');
    expect(failedOf(conform)).not.toContain('engine.hello.fields');
  });

  it('runs what --only names, and leaves nothing at its port', async () => {
    const [conform, port] = await listening(['--json', '--only', 'engine.hello', 'engine.add.n']);
    startEngines(port, 1);
    expect((await conform.waitForExit(60_000)).code).toBe(0);
    const ids = (JSON.parse(conform.stdout) as Report).checks.map(({ id }) => id);
    expect(ids.at(-1)).toBe('engine.add.n');
    expect(ids.every((id) => id.startsWith('engine.hello.') || id === 'engine.add.n')).toBe(true);
    await new Promise<void>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(Number(port), '127.0.0.1', () => server.close(() => resolve()));
    });
  });

  it('ends at once when it is told to, and says what it had', async () => {
    const [conform] = await listening();
    conform.signal('SIGINT');
    expect((await conform.waitForExit()).code).toBe(1);
    expect(conform.stdout).toMatch(/0 passed, \d+ failed/);
  });

  it('writes no report where it has judged nothing: an earlier one stays', async () => {
    const [earlier, fresh] = [join(folder, 'earlier.xml'), join(folder, 'fresh.xml')];
    writeFileSync(earlier, '<earlier/>');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      for (const file of [earlier, fresh]) {
        const conform = run(['engine', '--listen', `tcp://127.0.0.1:${port}`, '--junit', file]);
        expect((await conform.waitForExit()).code).toBe(2);
        expect(conform.log).toMatch(/cannot listen on 127\.0\.0\.1:\d+: .*Choose another --listen/);
      }
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
    expect(readdirSync(folder)).toEqual(['earlier.xml']);
    expect(readFileSync(earlier, 'utf8')).toBe('<earlier/>');
  });

  it('lists its checks, with what vLLM does and where', async () => {
    const list = run(['engine', '--list', '--json']);
    expect((await list.waitForExit()).code).toBe(0);
    const { checks } = JSON.parse(list.stdout) as { checks: readonly object[] };
    expect(checks[0]).toEqual({
      id: 'engine.hello.identity',
      does: expect.any(String),
      source: expect.stringContaining('vllm/v1/engine/core.py'),
    });
  });

  it.each([
    [['engine'], /--listen tcp:\/\/HOST:PORT is missing/],
    [[], /says whom to judge: engine/],
    [['model'], /conform 'model': must be engine/],
    [['engine', '--listen', 'tcp://127.0.0.1'], /--listen 'tcp:\/\/127\.0\.0\.1': must be/],
    [['engine', '--listen', 'tcp://0.0.0.0:1'], /must be one that they reach/],
    [['engine', '--listen', '127.0.0.1:1', '--only', 'engine.helo'], /no check has that id/],
    [['engine', '--listen', '127.0.0.1:1', '--vllm-version', '9'], /must be one of 0\.28\.0/],
    [['engine', '--listen', '127.0.0.1:1', '--data-parallel-size', '0'], /whole number from 1/],
    [['engine', '--listen', '127.0.0.1:1', '--moe'], /name --data-parallel-size too/],
    [['engine', '--listen', '127.0.0.1:1', '--timeout', 'x'], /a number of seconds above 0/],
    [['engine', '--listen', '127.0.0.1:1', '--junit', '/no/such/x'], /--junit .* cannot be/],
  ])('%j is the fault of who wrote it', async (words, message) => {
    const conform = run(words);
    expect(await conform.waitForExit()).toEqual({ code: 2, signal: null });
    expect(conform.log).toMatch(message);
    expect(conform.log.trim().split('\n')).toHaveLength(1);
  });
});
