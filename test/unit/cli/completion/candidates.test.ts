import { describe, expect, it } from 'vitest';
import { completionCandidates } from '../../../../src/cli/completion/candidates.ts';
import { completionCommand } from '../../../../src/cli/completion/command.ts';
import { explainCommand } from '../../../../src/cli/explain/command.ts';
import { replayCommand } from '../../../../src/cli/replay/command.ts';
import { serveCommand } from '../../../../src/cli/serve.ts';

const COMMANDS = {
  serve: () => Promise.resolve(serveCommand),
  explain: () => Promise.resolve(explainCommand),
  replay: () => Promise.resolve(replayCommand),
  completion: () => Promise.resolve(completionCommand),
};
const complete = (...words: readonly string[]) =>
  completionCandidates(['vllm-twin', ...words], COMMANDS);

describe('completion', () => {
  it('offers the commands first', async () => {
    const all = ['serve', 'explain', 'replay', 'completion', '--help', '--version'];
    expect(await complete('')).toEqual(all);
    expect(await complete('re')).toEqual(['replay']);
    expect(await complete('sevre', '')).toEqual([]);
  });

  it("offers the command's own flags", async () => {
    expect(await complete('replay', '--')).toEqual([
      '--json',
      '--check',
      '--summary',
      '--until-step',
      '--id',
      '--help',
    ]);
    expect(await complete('serve', '--log-f')).toEqual(['--log-format']);
    expect(await complete('explain', '--model-c')).toEqual(['--model-case']);
    expect(await complete('serve', '--model-c')).toEqual([]);
  });

  it('offers the choices behind a flag that has them', async () => {
    expect(await complete('serve', '--log-format', '')).toEqual(['auto', 'json', 'pretty']);
    expect(await complete('serve', '--log_format', 'p')).toEqual(['pretty']);
    expect(await complete('serve', '--log-format=p')).toEqual(['--log-format=pretty']);
    // As bash splits it.
    expect(await complete('serve', '--log-format', '=', 'p')).toEqual(['pretty']);
  });

  it('offers models where a model stands, and GPUs behind --gpu', async () => {
    expect(await complete('serve', 'Qwen/Qwen3-0')).toEqual(['Qwen/Qwen3-0.6B']);
    expect(await complete('explain', 'Qwen/Qwen3-0')).toEqual(['Qwen/Qwen3-0.6B']);
    expect(await complete('explain', 'x', '--compare', 'y', 'Qwen/Qwen3-0')).toEqual([
      'Qwen/Qwen3-0.6B',
    ]);
    expect(await complete('explain', 'x', '--gpu', 'A100')).toEqual(['A100-40GB', 'A100-80GB']);
  });

  it('offers nothing where only the user knows: numbers, files, a second model', async () => {
    expect(await complete('serve', '--port', '')).toEqual([]);
    expect(await complete('replay', '')).toEqual([]);
    expect(await complete('serve', 'Qwen/Qwen3-0.6B', '')).toEqual([]);
    expect(await complete('serve', '--no-such-flag=', '')).toEqual([]);
  });

  it('offers the shells that it has a script for', async () => {
    expect(await complete('completion', '')).toEqual(['bash', 'zsh']);
  });
});
