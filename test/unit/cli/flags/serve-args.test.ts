import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readServeArgs } from '../../../../src/cli/flags/serve-args.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serve-args-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configFile(text: string): string {
  const path = join(folder, 'twin.yaml');
  writeFileSync(path, text);
  return path;
}
const read = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  readServeArgs(words, env);

describe('the arguments of serve', () => {
  it('come from the flag before the environment before the file before the default', async () => {
    const file = configFile('port: 1\nseed: 1\ngpu: T4\nmax-num-seqs: 9\n');
    const env = { VLLM_TWIN_PORT: '2', VLLM_TWIN_SEED: '2' };
    const { args } = await read(['--config', file, '--port', '3'], env);
    expect(args).toMatchObject({ port: 3, seed: 2, gpu: 'T4', maxNumSeqs: 9, maxLoras: 1 });
  });

  it('take the model from the first word, over the file', async () => {
    const file = configFile('model: from-file\n');
    expect((await read(['here', '--config', file])).args.model).toBe('here');
    expect((await read(['--config', file])).args.model).toBe('from-file');
    expect((await read(['--model', 'flag'])).args.model).toBe('flag');
  });

  it('note what changes nothing, and warn of what vLLM would do', async () => {
    const file = configFile('cudagraph-metrics: true\nnuma-bind: true\n');
    const words = ['--config', file, '--load-format', 'dummy', '--seed', '1', '--seed', '2'];
    const { args, notes, warnings } = await read(words, { VLLM_TWIN_PROT: '1' });
    expect(args.seed).toBe(2);
    expect(notes).toEqual([
      'Flags that change nothing outside a GPU, or say what is so anyway: --load-format, numa-bind',
      'Found duplicate keys --seed: the last one counts',
      'VLLM_TWIN_PROT in the environment is no setting (did you mean VLLM_TWIN_PORT?)',
    ]);
    expect(warnings).toEqual([
      'Settings with which vLLM would do what is not simulated here: cudagraph-metrics ' +
        '(log lines of CUDA graph statistics are not written)',
    ]);
  });

  it('may come from an empty file', async () => {
    expect((await read(['--config', configFile('# nothing\n')])).args.port).toBe(8000);
  });

  it.each([
    ['port: [', 'cannot be read as YAML'],
    ['- port', 'the file is ["port"], not a map of flags, e.g. max-model-len: 8192'],
    ['port: &x {a: *x}', 'port is what JSON cannot hold, not a value that JSON can hold'],
    ['model: {a: 1}', 'model: expected one value, got {"a":1}'],
    ['served-model-name: [a, {b: 1}]', 'served-model-name: expected one value, got {"b":1}'],
    ['prot: 1', 'unknown setting prot (did you mean --port?)'],
  ])('are refused with a file that is wrong: %j', async (text, message) => {
    await expect(read(['--config', configFile(text)])).rejects.toThrow(message);
  });

  it('are refused without the file, with two models, or with overrides of other ranks', async () => {
    const missing = join(folder, 'missing.yaml');
    await expect(read(['--config', missing])).rejects.toThrow(
      `--config ${missing}: cannot be read`,
    );
    await expect(read(['a', 'b'])).rejects.toThrow("unexpected word 'b'");
    await expect(read(['a', '--model', 'b'])).rejects.toThrow("the model is given twice: 'a'");
    await expect(read(['--engine-overrides', '{"1": {}}'])).rejects.toThrow(
      'rank 1 is out of range',
    );
  });
});
