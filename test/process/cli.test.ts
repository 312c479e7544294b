/** The command line itself: help, versions, exit codes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Twin } from '../support/twin.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

async function run(...words: string[]): Promise<{ code: number | null; text: string }> {
  const twin = new Twin(words);
  const { code } = await twin.waitForExit();
  return { code, text: twin.log };
}

describe('vllm-twin', () => {
  it('without a word shows its commands, with exit code 2', async () => {
    const { code, text } = await run();
    expect(code).toBe(2);
    for (const command of ['serve', 'explain', 'models', 'replay']) expect(text).toContain(command);
  });

  it.each(['--help', '-h', 'help'])('%s shows them with exit code 0', async (word) => {
    const { code, text } = await run(word);
    expect(code).toBe(0);
    expect(text).toContain('vllm-twin serve');
  });

  it('--version names both versions', async () => {
    expect(await run('--version')).toEqual({
      code: 0,
      text: `vllm-twin ${version} (vLLM 0.33.0)\n`,
    });
  });

  it('does not know other commands', async () => {
    expect(await run('sevre')).toEqual({
      code: 2,
      text: "vllm-twin: unknown command 'sevre'; one of serve, explain, models, replay (see --help)\n",
    });
  });

  it.each(['serve', 'explain', 'models', 'replay'])(
    '%s --help fits 100 columns',
    async (command) => {
      const { code, text } = await run(command, '--help');
      expect(code).toBe(0);
      expect(text).toContain(`Usage: vllm-twin ${command}`);
      const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('vllm-twin '));
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    },
  );

  it.each([
    [['serve', '--prot', '1'], 'unknown flag --prot (did you mean --port?); see --help'],
    [
      ['serve', '--gpu', 'H1000', '--headless', '--data-parallel-size-local', '0'],
      'must be at least 1 with --headless',
    ],
    [['serve', 'a', 'b'], "unexpected word 'b': one model at a time, and flags start with --"],
    [['replay'], 'replay: expects one FILE; see replay --help'],
    [['models', '--jsn'], 'models: unknown flag --jsn (did you mean --json?)'],
  ])('%j is one line with exit code 2', async (words, message) => {
    const { code, text } = await run(...words);
    expect(code).toBe(2);
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).toContain(message);
  });
});
