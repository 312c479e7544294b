/** What a person sees: `vllm-twin serve` in a terminal of 80 columns, from its start to its stop. */
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf, RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';

/** `script` of util-linux gives it a terminal. */
function inTerminal(columns: number, words: readonly string[]): RunningProcess {
  const command = [process.execPath, CLI_MAIN, ...words].map((word) => `'${word}'`).join(' ');
  const env = { TERM: 'xterm-256color' };
  return new RunningProcess(
    'script',
    ['--quiet', '--return', '--command', `stty cols ${columns}; exec ${command}`, '/dev/null'],
    { env },
  );
}

const linesOf = (log: string): string[] => stripVTControlCharacters(log).split(/\r?\n/);

describe('in a terminal', () => {
  let terminal: RunningProcess;

  beforeAll(async () => {
    const overrides = ['--engine-overrides', '{"1": {"gpu": "L4"}}'];
    const words = ['serve', '--port', '0', '--data-parallel-size', '2', ...overrides];
    terminal = inTerminal(80, words);
    await terminal.waitForLog(/Docs {5}\S+\/docs/);
  });
  afterAll(async () => {
    await terminal?.stop();
  });

  it('every process writes its log in the same form', () => {
    const logged = linesOf(terminal.log).filter((line) => /^\[|^\{/.test(line));
    for (const line of logged)
      expect(line).toMatch(
        /^\[\d\d:\d\d:\d\d\] [A-Z]+: \((APIServer|DPCoordinator|EngineCore_DP\d)\) /,
      );
    for (const name of ['APIServer', 'DPCoordinator', 'EngineCore_DP0', 'EngineCore_DP1'])
      expect(
        logged.some((line) => line.includes(`(${name})`)),
        name,
      ).toBe(true);
  });

  it('the start ends with its engines and its addresses', () => {
    const lines = linesOf(terminal.log);
    const [, url = ''] = /Starting vLLM server on (\S+)/.exec(lines.join('\n')) ?? [];
    const at = lines.findIndex((line) => line.includes('KV cache tokens'));
    expect(lines.slice(at).map((line) => line.trim().replace(/ {2,}/g, ' | '))).toEqual([
      'Rank | GPU | KV cache tokens | Concurrency | at max_model_len',
      '0 | H100 | 641,984 | 15.67x | 40,960',
      '1 | L4 | 165,184 | 4.03x | 40,960',
      '',
      `API | ${url}/v1`,
      `Metrics | ${url}/metrics`,
      `Page | ${url}/twin`,
      `Docs | ${url}/docs`,
      '',
      '',
    ]);
  });

  it('a stop is three lines', async () => {
    const before = terminal.log.length;
    const [shell = 0] = childrenOf(terminal.pid);
    expect(readFileSync(`/proc/${shell}/cmdline`, 'utf8')).toContain('serve');
    process.kill(shell, 'SIGINT');
    expect(await terminal.waitForExit()).toEqual({ code: 0, signal: null });
    const lines = linesOf(terminal.log.slice(before)).filter((line) => line !== '');
    expect(lines.map((line) => line.replace(/^.*\(APIServer\) /, ''))).toEqual([
      '[shutdown] API server: SIGINT, stopping engine client mode=abort timeout=0s',
      '[shutdown] API server: engine client stopped, shutting down HTTP server',
      '[shutdown] API server: complete',
    ]);
  });

  it.each([50, 80])('the help fits %i columns', async (columns) => {
    const help = inTerminal(columns, ['serve', '--help']);
    expect((await help.waitForExit()).code).toBe(0);
    const long = linesOf(help.log).filter((line) => line.length > columns);
    expect(long.filter((line) => line.trim().includes(' '))).toEqual([]);
    expect(help.log).toContain('--gpu');
  });
});

describe('in a pipe', () => {
  it('the log has no summary and the whole stop is three JSON lines', async () => {
    const twin = new RunningProcess(process.execPath, [CLI_MAIN, 'serve', '--port', '0']);
    await twin.waitForLog(/Starting vLLM server/);
    await twin.stop();
    expect(twin.log).not.toContain('KV cache tokens');
    const lines = twin.log.split('\n').filter((line) => line.includes('[shutdown]'));
    expect(lines.map((line) => (JSON.parse(line) as { process: string }).process)).toEqual(
      Array(3).fill('APIServer'),
    );
  });
});
