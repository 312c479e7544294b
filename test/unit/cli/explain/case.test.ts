import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliIo } from '../../../../src/cli/cli-io.ts';
import { runExplain } from '../../../../src/cli/explain/command.ts';
import { createCapacityRecord } from '../../../support/capacity-input.ts';
import { describeFirstDifference } from '../../../support/first-difference.ts';

const GOLDEN = new URL('../../../golden/capacity.json', import.meta.url);
const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as {
  cases: { id: string; input: unknown; expected: unknown }[];
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'explain-case-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, json: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof json === 'string' ? json : JSON.stringify(json));
  return file;
}

function createIo(): { io: CliIo; out: string[]; err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void err.push(text),
    drained: () => Promise.resolve(),
    colours: false,
  };
  return { io, out, err };
}

describe('explain --case --json', () => {
  it('answers every golden record in the golden format', async () => {
    const { io, out } = createIo();
    const inputs = golden.cases.map(({ id, input }) => ({ id, input }));
    expect(await runExplain({ case: write('all.json', { cases: inputs }), json: true }, io)).toBe(
      0,
    );
    const answer = JSON.parse(out.join('')) as { cases: unknown[] };
    const expected = golden.cases.map(({ id, expected }) => ({ id, expected }));
    expect(describeFirstDifference(answer.cases, expected)).toBeNull();
  });

  it('takes a single record, and writes a whole concurrency as a float', async () => {
    const { io, out } = createIo();
    const record = { id: 'one', input: createCapacityRecord({}) };
    expect(await runExplain({ case: write('one.json', record), json: true }, io)).toBe(0);
    expect(out.join('')).toContain('"kv_cache_max_concurrency": 256.0,');
  });

  it('answers the other records when one cannot be read, and exits with 1', async () => {
    const { io, out, err } = createIo();
    const input = createCapacityRecord({});
    const broken = { ...input, workers: [{ layer_set: 7, available_memory: 1 }] };
    const cases = [
      { id: 'broken', input: broken },
      { id: 'fine', input },
    ];
    expect(await runExplain({ case: write('two.json', { cases }), json: true }, io)).toBe(1);
    expect(err.join('')).toContain(
      'input.workers[0].layer_set is 7, not an index of layer_sets (0 to 0)',
    );
    const answer = JSON.parse(out.join('')) as { cases: { id: string }[] };
    expect(answer.cases.map(({ id }) => id)).toEqual(['fine']);
  });

  it.each([
    ['no JSON', '{', 'is not JSON'],
    ['a record without an id', '{"input": {}}', 'case 0 has no id'],
    ['a list of words', '["a"]', 'case 0 is no object'],
  ])('refuses %s, naming the file', async (_, text, problem) => {
    const { io } = createIo();
    const file = write('bad.json', text);
    await expect(runExplain({ case: file, json: true }, io)).rejects.toThrow(`${file}: ${problem}`);
  });

  it('refuses a file that is not there', async () => {
    const { io } = createIo();
    const file = join(folder, 'none.json');
    await expect(runExplain({ case: file }, io)).rejects.toThrow(`${file}: cannot be read`);
  });
});

describe('explain --case', () => {
  it('explains every golden record within 80 columns and without colours', async () => {
    const { io, out } = createIo();
    const inputs = golden.cases.map(({ id, input }) => ({ id, input }));
    expect(await runExplain({ case: write('words.json', { cases: inputs }) }, io)).toBe(0);
    const lines = out.join('').split('\n');
    const isName = (line: string) => line.startsWith('Case ') || /^ *\S+$/.test(line);
    expect(lines.filter((line) => line.length > 80 && !isName(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('\u001b'))).toEqual([]);
    expect(lines.length).toBeGreaterThan(golden.cases.length * 10);
  });

  it('says how gemma-3-27b comes to its tokens', async () => {
    const { io, out } = createIo();
    const record = golden.cases.find(({ id }) => id === 'model-gemma-3-27b-h100');
    await runExplain({ case: write('gemma.json', record) }, io);
    const text = out.join('');
    for (const line of [
      '  52 × sliding_window(1024)  bfloat16     16     131,072',
      '  blocks = 19,921,304,762 / 1,310,720                                     15,198',
      '      ceil(min(1,024 - 1 + 16,384, 131,072) / 16) + 1 = 1,089',
      '  maximum concurrency = 15,198 / 14,726                                    1.03x',
      '  KV cache size = int(1.0320521526551678 × 131,072)               135,273 tokens',
      '                                                             1.80 times too many',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  it('colours headings on a terminal only', async () => {
    const { io, out } = createIo();
    await runExplain(
      { case: write('c.json', { id: 'c', input: createCapacityRecord({}) }) },
      {
        ...io,
        colours: true,
      },
    );
    expect(out.join('')).toContain('\u001b[1mCapacity\u001b[22m');
  });
});
