import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { childrenOf, isAlive, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

function isEngineCore(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('EngineCore');
}

describe('a served twin ends as vLLM does', () => {
  let twin: Twin;

  async function start(env: Readonly<Record<string, string>> = {}): Promise<string> {
    const size = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
    const words = ['--served-model-name', 'tiny', '--port', '0', '--data-parallel-size', '2'];
    twin = new Twin(['serve', TINYMODEL, ...size, ...words], env);
    return twin.url();
  }

  function killOneEngine(): void {
    const engine = childrenOf(twin.pid).find(isEngineCore);
    if (engine === undefined) throw new Error('no engine core to kill');
    process.kill(engine, 'SIGKILL');
  }

  const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

  afterEach(async () => {
    await twin?.stop();
  });

  it('with exit code 1 once an engine has died, and no process stays', async () => {
    await start();
    const children = childrenOf(twin.pid);
    killOneEngine();
    expect(await twin.exited).toEqual({ code: 1, signal: null });
    await waitUntil('all children to be gone', async () => !children.some(isAlive));
  });

  it('not at all with VLLM_KEEP_ALIVE_ON_ENGINE_DEATH=1: /health says 503, the rest answers', async () => {
    const url = await start({ VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: '1' });
    expect(await statusOf(`${url}/health`)).toBe(200);
    killOneEngine();
    await waitUntil('503 of /health', async () => (await statusOf(`${url}/health`)) === 503);
    expect(await statusOf(`${url}/v1/models`)).toBe(200);
    const body = JSON.stringify({ model: 'tiny', prompt: 'hi', max_tokens: 1 });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
    expect(answer.status).toBe(500);
  });

  it('with its standard input, where --exit-with-stdin asks for that', async () => {
    const held = new RunningProcess(
      process.execPath,
      [CLI_MAIN, 'serve', TINYMODEL, '--max-model-len', '1024', '--port', '0', '--exit-with-stdin'],
      { hasInput: true },
    );
    await held.waitForLog(/server on http/);
    const children = childrenOf(held.pid);
    held.endInput();
    expect(await held.waitForExit()).toEqual({ code: 0, signal: null });
    expect(held.log).toContain('standard input is closed');
    expect(children.filter(isAlive)).toEqual([]);
  });

  it('leaves nothing running and nothing on disk when the frontend is killed', async () => {
    await start();
    const children = childrenOf(twin.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    twin.signal('SIGKILL');
    await twin.exited;
    await waitUntil('all children to be gone', async () => !children.some(isAlive));
    const folders = readdirSync(tmpdir()).filter((name) =>
      name.startsWith(`vllm-twin-${twin.pid}-`),
    );
    expect(folders).toEqual([]);
  });

  it('with one line and exit code 2 for a bad flag', async () => {
    twin = new Twin(['serve', '--port', 'many']);
    expect((await twin.exited).code).toBe(2);
    expect(twin.log.trim().split('\n')).toHaveLength(1);
  });
});
