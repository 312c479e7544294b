/** The command line itself: help, versions, exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCapacityRecord } from '../support/capacity-input.ts';
import { readManifest } from '../support/package.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN, Twin } from '../support/twin.ts';

const { version } = readManifest();

const COMMANDS = [
  'serve',
  'explain',
  'models',
  'replay',
  'simulate',
  'ctl',
  'frames',
  'tap',
  'lint',
  'conform',
  'versions',
  'lesson',
  'completion',
];

const GOLDEN = fileURLToPath(new URL('../golden/traces.json', import.meta.url));

/** Loads the script as a user does, and asks for the completion of a line as bash does at the tab key. */
const COMPLETE_IN_BASH = `
node=$1 main=$2
shift 2
vllm-twin() { "$node" "$main" "$@"; }
eval "$(vllm-twin completion bash)"
COMP_WORDS=(vllm-twin "$@")
COMP_CWORD=$#
_vllm-twin_yargs_completions
printf '%s\\n' "\${COMPREPLY[@]}"
`;

/** The first characters only; with pipefail, the exit code is the writer's. */
const PIPE_TO_HEAD = '"$1" "$2" replay "$3" --json | head -c 11';

/** Nobody comes, so every check fails; what it says is longer than what is read. */
const CONFORM_TO_HEAD =
  '"$1" "$2" conform engine --listen tcp://127.0.0.1:0 --wait 0.1 --junit "$3" | head -c 11';

async function run(...words: string[]): Promise<{ code: number | null; text: string }> {
  const twin = new Twin(words);
  const { code } = await twin.waitForExit();
  return { code, text: twin.log };
}

describe('vllm-twin', () => {
  it('without a word shows its commands, with exit code 2', async () => {
    const { code, text } = await run();
    expect(code).toBe(2);
    for (const command of COMMANDS) expect(text).toContain(command);
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
      text: "vllm-twin: unknown command 'sevre'; one of serve, explain, models, replay, simulate, ctl, frames, tap, lint, conform, versions, lesson, completion (see --help)\n",
    });
  });

  it.each(COMMANDS)('%s --help fits 100 columns', async (command) => {
    const { code, text } = await run(command, '--help');
    expect(code).toBe(0);
    expect(text).toContain(`Usage: vllm-twin ${command}`);
    const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('vllm-twin '));
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it.each([
    [['serve', '--prot', '1'], 'unknown flag --prot (did you mean --port?); see --help'],
    [
      ['serve', '--gpu', 'H1000', '--headless', '--data-parallel-size-local', '0'],
      'must be at least 1 with --headless',
    ],
    [['serve', 'a', 'b'], "unexpected word 'b': one model at a time, and flags start with --"],
    [['serve', '--data-parallel-backend', 'ray'], '--data-parallel-backend ray'],
    [['serve', '--runner', 'nobody'], "--runner 'nobody': must be one of auto, draft"],
    [['serve', '--nnodes', '2'], '`--nnodes 2` must evenly divide'],
    [['serve', '--enable-log-outputs'], 'requires --enable-log-requests'],
    [
      ['serve', '--custom-histogram-buckets', '{"request_latency": [2, 1]}'],
      'must be strictly increasing',
    ],
    [['replay'], 'replay: expects one FILE; see replay --help'],
    [
      ['lesson', 'handshakes'],
      "lesson: there is no 'handshakes'; one of handshake, capacity, ranks, scheduler, prefix-cache, waves",
    ],
    [['lesson', 'waves', 'ranks'], "lesson: expects one NAME, got 'ranks' as well"],
    [['models', '--jsn'], 'models: unknown flag --jsn (did you mean --json?)'],
  ])('%j is one line with exit code 2', async (words, message) => {
    const { code, text } = await run(...words);
    expect(code).toBe(2);
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).toContain(message);
  });

  it('waits for a signal on a machine that has workers of a rank alone', async () => {
    const words = '--headless -tp 2 --nnodes 2 --node-rank 1 --master-addr head --log-format json';
    const twin = new Twin(['serve', ...words.split(' ')]);
    await twin.waitForLog(
      /headless multiproc executor, with head node address head:29501 for torch/,
    );
    twin.signal('SIGTERM');
    expect((await twin.waitForExit()).code).toBe(0);
  });

  it('says in one line what vLLM would do and it does not', async () => {
    const words =
      '--port 0 --prefill-context-parallel-size 2 --cudagraph-metrics --numa-bind --log-format json';
    const twin = new Twin(['serve', ...words.split(' ')]);
    const url = await twin.url();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await twin.waitForLog(/"GET \/health HTTP\/1.1\\" 200 OK/);
    twin.signal('SIGTERM');
    await twin.waitForExit();
    expect(twin.log).toMatch(
      /not simulated here: --prefill-context-parallel-size \(.*\); --cudagraph-metrics \(.*\)"/,
    );
    expect(twin.log).toMatch(/change nothing outside a GPU, .*: --numa-bind"/);
  });

  it.each([
    ['serve --gpu A100', ['A100-40GB', 'A100-80GB']],
    ['serve --log-format p', ['pretty']],
    ['explain Qwen/Qwen3-0', ['Qwen/Qwen3-0.6B']],
    ['rep', ['replay']],
    ['lesson h', ['handshake']],
    ['frames DIR --type OUT', ['OUTPUTS']],
  ])('completes "%s" in bash', async (line, candidates) => {
    const words = [process.execPath, CLI_MAIN, ...line.split(' ')];
    const bash = new RunningProcess('bash', ['-c', COMPLETE_IN_BASH, 'bash', ...words]);
    expect(await bash.exited, bash.log).toEqual({ code: 0, signal: null });
    expect(bash.stdout.trimEnd().split('\n')).toEqual(candidates);
  });

  it('ends quietly when the reader of a replay has seen enough', async () => {
    const pipe = new RunningProcess('bash', [
      '-o',
      'pipefail',
      '-c',
      PIPE_TO_HEAD,
      'bash',
      process.execPath,
      CLI_MAIN,
      GOLDEN,
    ]);
    expect(await pipe.exited).toEqual({ code: 0, signal: null });
    expect(pipe.log).toBe('{"traces":[');
  });

  it('judges on when the reader of its output has seen enough: exit code and report are those of all checks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cli-'));
    const junit = join(folder, 'conform.xml');
    const shell = ['-o', 'pipefail', '-c', CONFORM_TO_HEAD, 'bash', process.execPath, CLI_MAIN];
    const pipe = new RunningProcess('bash', [...shell, junit]);
    expect(await pipe.exited).toEqual({ code: 1, signal: null });
    expect(readFileSync(junit, 'utf8')).toMatch(/failures="[1-9]/);
    rmSync(folder, { recursive: true });
  });

  it.each(['serve', 'explain'])(
    '%s names the field of explicit layers that is wrong',
    async (command) => {
      const folder = mkdtempSync(join(tmpdir(), 'explicit-layers-'));
      try {
        const file = join(folder, 'layers.json');
        const layers = createCapacityRecord();
        writeFileSync(file, JSON.stringify({ ...layers, config: {} }));
        const { code, text } = await run(command, '--kv-cache-specs', file);
        expect({ code, text }).toEqual({
          code: 2,
          text: `vllm-twin: --kv-cache-specs ${file}: config.max_model_len is missing, not an integer of at least 1\n`,
        });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it.each(['serve', 'explain'])(
    '%s refuses what vLLM refuses, in its sentence',
    async (command) => {
      const flags = '--model Qwen/Qwen3-0.6B --max-num-batched-tokens 64 --max-num-seqs 65';
      const { code, text } = await run(command, ...flags.split(' '));
      expect({ code, text }).toEqual({
        code: 2,
        text: 'vllm-twin: max_num_batched_tokens (64) must be greater than or equal to max_num_seqs (65).\n',
      });
    },
  );

  it('says which GPUs hold a load', async () => {
    const flags = 'explain Qwen/Qwen3-32B --fit --concurrency 16 --tokens 8k --gpu H200 --gpu L4';
    const { code, text } = await run(...flags.split(' '));
    expect(code).toBe(0);
    expect(text).toMatch(/^Qwen\/Qwen3-32B: 16 requests of 8,000 tokens at a time\nGPUs /);
    expect(text).toMatch(/^1 × H200 /m);
    expect(text).toMatch(/Do not fit\n1 × L4 +the weights alone take more than/);
  });
});
