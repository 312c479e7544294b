import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { CliIo } from '../../../../src/cli/cli-io.ts';
import { replayCommand } from '../../../../src/cli/replay/command.ts';
import { type ReplayArgs, runReplay } from '../../../../src/cli/replay/replay.ts';

const GOLDEN = fileURLToPath(new URL('../../../golden/traces.json', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What may be made before the reader has taken it: a chunk and the step that fills it. */
const MAX_UNDRAINED_CHARACTERS = 100_000;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: Partial<ReplayArgs>): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
    drained: () => Promise.resolve(),
    colours: false,
  };
  const code = await runReplay({ file: GOLDEN, ...args }, io);
  return { code, stdout, stderr };
}

let numFiles = 0;
function fileOf(document: unknown): string {
  numFiles += 1;
  const path = join(folder, `${numFiles}.json`);
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

const CONFIG = {
  num_blocks: 17,
  max_model_len: 256,
  max_num_batched_tokens: 64,
  max_num_seqs: 4,
};
const REQUEST = {
  id: 'a',
  arrival_step: 0,
  prompt_token_ids: [5, 6, 7],
  sampling: { max_tokens: 2 },
};

describe('replay --json', () => {
  it('prints resolved config and steps in the golden format', async () => {
    const { code, stdout } = await run({ json: true, id: 'prefix-repeat' });
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as { traces: { id: string }[] };
    const [trace] = golden.traces.filter(({ id }) => id === 'prefix-repeat') as {
      id: string;
      resolved: unknown;
      steps: unknown;
    }[];
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      traces: [{ id: trace?.id, resolved: trace?.resolved, steps: trace?.steps }],
    });
  });

  it('takes one record without resolved, ops and steps', async () => {
    const file = fileOf({ id: 'mine', config: CONFIG, requests: [REQUEST] });
    const { code, stdout } = await run({ file, json: true });
    const { traces } = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(traces[0].resolved).toMatchObject({ num_gpu_blocks: 17, scheduler: 'Scheduler' });
    expect(traces[0].steps.map((step: { model_executed: boolean }) => step.model_executed)).toEqual(
      [true, true, false],
    );
  });

  it('stops before the step that it is told', async () => {
    const { stdout } = await run({ json: true, id: 'single-exact-block', untilStep: 3 });
    expect(JSON.parse(stdout).traces[0].steps).toHaveLength(3);
  });
});

describe('replay --summary', () => {
  it.each(['preempt-fcfs', 'prefix-repeat', 'abort'])(
    'says of %s what the table says at its end, and no step',
    async (id) => {
      const table = (await run({ id })).stdout.split('\n');
      const { code, stdout } = await run({ id, summary: true });
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      expect(lines.length).toBeGreaterThan(0);
      expect(table).toEqual(expect.arrayContaining(lines));
      expect(stdout).toContain('output     ');
      expect(stdout).not.toContain('scheduled');
    },
  );

  it('stops before the step that it is told', async () => {
    const { stdout } = await run({ summary: true, id: 'single-exact-block', untilStep: 3 });
    expect(stdout).toContain('steps      3,');
  });

  it.each(['json', 'check'])('does not go with --%s', async (other) => {
    const ran = replayCommand.run([GOLDEN, '--summary', `--${other}`]);
    await expect(ran).rejects.toThrow(
      `--summary: shows no step, so it does not go with --${other}`,
    );
  });
});

describe('a long replay', () => {
  it.each(['json', 'table'])(
    'as %s is written while it runs, and waits for its reader',
    async (form) => {
      const file = fileOf({
        id: 'long',
        config: { ...CONFIG, num_blocks: 1000, max_model_len: 8000 },
        requests: [{ ...REQUEST, sampling: { max_tokens: 5000, ignore_eos: true } }],
      });
      let numUndrained = 0;
      let maxUndrained = 0;
      const writes: number[] = [];
      const io: CliIo = {
        stdout: (text) => {
          writes.push(text.length);
          numUndrained += text.length;
          maxUndrained = Math.max(maxUndrained, numUndrained);
        },
        stderr: () => {},
        drained: () => {
          numUndrained = 0;
          return Promise.resolve();
        },
        colours: false,
      };
      expect(await runReplay({ file, json: form === 'json' }, io)).toBe(0);
      const total = writes.reduce((sum, length) => sum + length, 0);
      expect(total).toBeGreaterThan(4 * maxUndrained);
      expect(maxUndrained).toBeLessThan(MAX_UNDRAINED_CHARACTERS);
    },
  );

  it('that never ends is refused with who is stuck', async () => {
    const prompt = Array.from({ length: 60 }, (_, index) => index + 3);
    const record = {
      id: 'small',
      config: CONFIG,
      requests: [{ ...REQUEST, prompt_token_ids: prompt }],
    };
    const { traces } = JSON.parse((await run({ file: fileOf(record), json: true })).stdout);
    const resolved = { ...traces[0].resolved, num_gpu_blocks: 3 };
    const file = fileOf({ ...record, resolved });
    const { code, stderr } = await run({ file });
    expect(code).toBe(2);
    expect(stderr).toContain('small: nothing ran in the 10000 steps before step');
    expect(stderr).toContain('stuck: a.');
  });
});

describe('replay --check', () => {
  it('finds no difference in the golden traces', async () => {
    expect(await run({ check: true })).toMatchObject({
      code: 0,
      stdout: '100 records replayed, no difference\n',
    });
  });

  it('names the first difference: record, step, field, expected, got', async () => {
    const { traces } = JSON.parse((await run({ json: true, id: 'stop-eos' })).stdout);
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as { traces: { id: string }[] };
    const trace = golden.traces.find(({ id }) => id === 'stop-eos');
    const steps = structuredClone(traces[0].steps);
    steps[2].schedule.free_blocks += 1;
    const { code, stdout } = await run({ file: fileOf({ ...trace, steps }), check: true });
    const free = steps[2].schedule.free_blocks;
    expect(code).toBe(1);
    expect(stdout).toBe(
      `stop-eos, step 2, schedule.free_blocks: expected ${free}, got ${free - 1}\n`,
    );
  });

  it('notices steps that are missing', async () => {
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as {
      traces: { id: string; steps: unknown[] }[];
    };
    const trace = golden.traces.find(({ id }) => id === 'stop-eos');
    const file = fileOf({ ...trace, steps: trace?.steps.slice(0, -1) });
    expect(await run({ file, check: true })).toMatchObject({ code: 1 });
    expect(await run({ file, check: true, untilStep: 2 })).toMatchObject({ code: 0 });
  });

  it('needs something to compare with', async () => {
    const file = fileOf({ id: 'mine', config: CONFIG, requests: [REQUEST] });
    expect(await run({ file, check: true })).toMatchObject({ code: 2 });
  });
});

describe('the table', () => {
  it('fits 80 columns for every golden trace', async () => {
    const { code, stdout } = await run({});
    const widest = Math.max(...stdout.split('\n').map((line) => [...line].length));
    expect(code).toBe(0);
    expect(widest).toBeLessThanOrEqual(80);
  });

  it('shows who is scheduled, preempted and waiting, hits, blocks and tokens', async () => {
    const { stdout } = await run({ id: 'preempt-chunked', untilStep: 9 });
    const lines = stdout.split('\n');
    expect(lines).toContain(
      'step  scheduled                   preempted  waiting  hits  blocks   tokens out',
    );
    expect(lines).toContain('      › add r0 (prompt 60), r1 (prompt 60)');
    expect(lines).toContain(
      '   1  r0:12 +r1:36                                       0     7/16  r0',
    );
    expect(lines).toContain(
      '   7  r0 r1                       r2               1          10/16  all 2',
    );
    expect(stdout).toContain('preempted  r2 ×1');
  });
});

describe('a bad input ends with code 2 and names the field', () => {
  it.each([
    ['no JSON', '{"id":', 'is not JSON'],
    ['no object', [], 'the record is [], not an object'],
    ['no config', { id: 'x', requests: [] }, 'config is missing, not an object'],
    [
      'a word for a number',
      { id: 'x', config: { ...CONFIG, max_num_seqs: '4' }, requests: [] },
      'config.max_num_seqs is "4", not an integer of at least 1',
    ],
    [
      'an unknown policy',
      { id: 'x', config: { ...CONFIG, scheduling_policy: 'lifo' }, requests: [] },
      'config.scheduling_policy is "lifo", not one of fcfs, priority',
    ],
    [
      'an empty prompt',
      { id: 'x', config: CONFIG, requests: [{ ...REQUEST, prompt_token_ids: [] }] },
      'requests[0].prompt_token_ids is [], not at least one token id',
    ],
    [
      'a fraction among the tokens',
      { id: 'x', config: CONFIG, requests: [{ ...REQUEST, prompt_token_ids: [1, 2.5] }] },
      'requests[0].prompt_token_ids[1] is 2.5, not an integer of at least 0',
    ],
    [
      'an id given twice',
      { id: 'x', config: CONFIG, requests: [REQUEST, REQUEST] },
      'requests[1].id is "a", not an id that is not taken yet',
    ],
    [
      'an op without a method',
      { id: 'x', config: CONFIG, requests: [], ops: [{ step: 0, op: 'utility' }] },
      'ops[0].method is missing, not a string',
    ],
    [
      'a bad record among good ones',
      { traces: [{ id: 'x', config: CONFIG, requests: [] }, { id: 'y' }] },
      'traces[1].config is missing, not an object',
    ],
    [
      'a bad record, by its id',
      { traces: [{ id: 'y', config: CONFIG, requests: [{ ...REQUEST, arrival_step: -1 }] }] },
      'y, traces[0].requests[0].arrival_step is -1, not an integer of at least 0',
    ],
    [
      'a step beyond all bounds',
      { id: 'x', config: CONFIG, requests: [{ ...REQUEST, arrival_step: 1e9 }] },
      'requests[0].arrival_step is 1000000000, not an integer of at most 999999',
    ],
    [
      'a pool beyond all bounds',
      { id: 'x', config: { ...CONFIG, num_blocks: 1e12 }, requests: [] },
      'config.num_blocks is 1000000000000, not an integer of at most 4194304',
    ],
    [
      'a window without its size',
      {
        id: 'x',
        config: { ...CONFIG, specs: [{ kind: 'swa', layers: 1, block_size: 16 }] },
        requests: [],
      },
      'config.specs[0].window is missing, not an integer of at least 1',
    ],
    [
      'a pool too small for one request',
      { id: 'x', config: { ...CONFIG, num_blocks: 9 }, requests: [] },
      'config: To serve at least one request',
    ],
    [
      'a budget too small for whole prompts',
      { id: 'x', config: { ...CONFIG, enable_chunked_prefill: false }, requests: [] },
      'max_num_batched_tokens (64) is smaller than max_model_len (256)',
    ],
  ])('%s', async (_name, document, message) => {
    const { code, stdout, stderr } = await run({ file: fileOf(document) });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('a file that is not there, an id that no record has', async () => {
    expect(await run({ file: join(folder, 'none.json') })).toMatchObject({ code: 2 });
    const { code, stderr } = await run({ id: 'no such id' });
    expect(code).toBe(2);
    expect(stderr).toContain("no record's id contains");
  });

  it('but an unknown option is only mentioned', async () => {
    const file = fileOf({ id: 'x', config: { ...CONFIG, shiny: 1 }, requests: [REQUEST] });
    const { code, stderr } = await run({ file });
    expect(code).toBe(0);
    expect(stderr).toContain('config.shiny: no such field here, ignored');
  });
});
