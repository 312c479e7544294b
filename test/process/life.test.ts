/** Starts and stops that go wrong: nothing stays behind, and one line says why. */
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childrenOf, isAlive, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const SERVE = ['serve', TINYMODEL, '--port', '0', '--max-model-len', '1024'];

/** Over a connection of its own: one that is kept may be to a process that hangs. */
function statusOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('a server', () => {
  let folder = '';
  const twins: RunningProcess[] = [];
  const known = new Set<number>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'life-'));
  });
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    for (const pid of known) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    known.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(words: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Twin {
    const twin = new Twin([...SERVE, ...words], { TMPDIR: folder, ...env });
    twins.push(twin);
    return twin;
  }

  async function childrenStarted(twin: Twin, count: number): Promise<readonly number[]> {
    await waitUntil('the children', async () => childrenOf(twin.pid).length >= count, {
      intervalMs: 1,
    });
    const children = childrenOf(twin.pid);
    for (const pid of children) known.add(pid);
    return children;
  }

  async function expectNothingLeft(): Promise<void> {
    await waitUntil('no process left', async () => ![...known].some(isAlive));
    await waitUntil(
      'no folder left',
      async () => !readdirSync(folder).some((name) => name.startsWith('vllm-twin-')),
    );
  }

  const stackOf = (twin: RunningProcess): boolean => /\n {4}at |Error:/.test(twin.log);

  it('under load that is told to stop answers what runs, sends nothing after and ends with 0', async () => {
    const twin = start(['--step-time', '2']);
    const url = await twin.url();
    await childrenStarted(twin, 1);
    const statuses = new Set<number>();
    let isOver = false;
    const ask = (leavesAfterMs: number | null): Promise<void> =>
      new Promise((resolve) => {
        const headers = { 'content-type': 'application/json' };
        const asked = request(
          `${url}/v1/completions`,
          { method: 'POST', agent: false, headers },
          (answer) => {
            statuses.add(answer.statusCode ?? 0);
            answer.resume().once('close', resolve);
          },
        );
        asked.once('error', () => resolve());
        asked.end(
          JSON.stringify({
            model: TINYMODEL,
            prompt: 'hi',
            max_tokens: 40,
            ignore_eos: true,
            stream: leavesAfterMs !== null,
          }),
        );
        if (leavesAfterMs !== null) setTimeout(() => asked.destroy(), leavesAfterMs);
      });
    const clients = Array.from({ length: 20 }, async (_, index) => {
      while (!isOver) await ask(index % 3 === 0 ? index : null);
    });
    await waitUntil('answers', async () => statuses.size > 0);
    twin.signal('SIGTERM');
    expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
    isOver = true;
    await Promise.all(clients);
    expect(stackOf(twin)).toBe(false);
    expect([...statuses].filter((status) => ![200, 500, 503].includes(status))).toEqual([]);
    const said = twin.log.split('\n').filter((line) => line.includes('[shutdown]'));
    expect(said).toHaveLength(3);
    await expectNothingLeft();
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'ended by %s as soon as its children are there leaves nothing',
    async (signal) => {
      const twin = start(['--data-parallel-size', '2']);
      await childrenStarted(twin, 1);
      twin.signal(signal);
      const exit = await twin.waitForExit();
      expect(exit).toEqual(
        signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null },
      );
      expect(stackOf(twin)).toBe(false);
      await expectNothingLeft();
    },
  );

  it.each([
    [
      0,
      "Failed core proc(s): {'DPCoordinator': -9}. The DP coordinator ended with SIGKILL while starting.",
    ],
    [
      2,
      "Failed core proc(s): {'EngineCore_DP1': -9}. Engine core 1 ended with SIGKILL while starting.",
    ],
  ])('whose process %i is killed in the start names it in one line', async (index, message) => {
    const twin = start(['--data-parallel-size', '2', '--log-level', 'warn']);
    const children = await childrenStarted(twin, 3);
    process.kill(children[index] ?? 0, 'SIGKILL');
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log.trim().split('\n')).toEqual([
      `vllm-twin: Engine core initialization failed. See root cause above. ${message}`,
    ]);
    await expectNothingLeft();
  });

  it('whose API server is killed in the start says which', async () => {
    const twin = start(['--api-server-count', '2', '--log-level', 'warn']);
    const children = await childrenStarted(twin, 3);
    process.kill(children[1] ?? 0, 'SIGKILL');
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log).toContain(
      "Failed frontend proc(s): {'ApiServer_0': -9}. ApiServer_0 ended with SIGKILL while starting.",
    );
    expect(stackOf(twin)).toBe(false);
    await expectNothingLeft();
  });

  it('with an API server that hangs answers by the other, and shows no key to anybody', async () => {
    const twin = start(['--api-server-count', '2', '--api-key', 'sesame']);
    const url = await twin.url();
    const children = await childrenStarted(twin, 3);
    const commands = [twin.pid, ...children].map((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    );
    expect(commands.filter((command) => command.includes('sesame'))).toEqual([]);
    const statuses = [
      await statusOf(`${url}/v1/models`, { authorization: 'Bearer sesame' }),
      await statusOf(`${url}/v1/models`),
    ];
    expect(statuses).toEqual([200, 401]);
    const hanging = children.find((_, index) => commands[index + 1]?.includes('ApiServer_0')) ?? 0;
    process.kill(hanging, 'SIGSTOP');
    for (let i = 0; i < 10; i++) expect(await statusOf(`${url}/health`)).toBe(200);
    process.kill(hanging, 'SIGCONT');
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    await expectNothingLeft();
  });

  it('without a usable TMPDIR takes another place and says so', async () => {
    const twin = start([], { TMPDIR: join(folder, 'missing') });
    await twin.url();
    expect(twin.log).toMatch(
      /Sockets are in \/tmp\/vllm-twin-\S+: no folder can be made in \S+missing \(ENOENT\)/,
    );
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });

  it('does not start where --uds is taken, and says by what', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    const twin = start(['--uds', path]);
    expect((await twin.waitForExit()).code).toBe(1);
    expect(twin.log).toBe(
      `vllm-twin: Cannot listen on unix:${path}: the path is taken, and by no socket. Choose another --uds.\n`,
    );
  });

  it.each(['json', 'pretty'])('writes all lines of all processes as %s', async (format) => {
    const words = ['--data-parallel-size', '2', '--api-server-count', '2', '--log-format', format];
    const twin = start(words);
    await twin.url();
    await twin.stop();
    const lines = twin.log.split('\n').filter((line) => line !== '' && !/^http:/.test(line));
    expect(lines.filter((line) => line.startsWith('{') !== (format === 'json'))).toEqual([]);
    expect(lines.some((line) => line.includes('subscriptions received by DP coordinator'))).toBe(
      true,
    );
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('behind npm ends with it, by %s', async (signal) => {
    mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
    symlinkSync(CLI_MAIN, join(folder, 'node_modules', '.bin', 'vllm-twin'));
    const script = `vllm-twin ${SERVE.join(' ')}`;
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'x', version: '1.0.0', scripts: { twin: script } }),
    );
    const npm = new RunningProcess('npm', ['run', 'twin'], {
      cwd: folder,
      env: { TMPDIR: folder },
    });
    twins.push(npm);
    await npm.waitForLog(/server on http/);
    const descend = (pid: number): void => {
      for (const child of childrenOf(pid)) {
        known.add(child);
        descend(child);
      }
    };
    descend(npm.pid);
    expect(known.size).toBeGreaterThanOrEqual(2);
    npm.signal(signal);
    await npm.waitForExit();
    await expectNothingLeft();
  });
});

describe('a command whose reader has gone', () => {
  it.each([
    [['--help']],
    [['serve', '--help']],
    [['models']],
    [['explain', 'Qwen/Qwen3-0.6B', '--json']],
    [['completion', 'bash']],
  ])('ends in silence with exit code 0: %j', async (words) => {
    const child = spawn(process.execPath, [CLI_MAIN, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, log]).toEqual([0, '']);
  });
});
