import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { simulateCommand } from '../../../../src/cli/simulate/command.ts';

let folder = '';
let written = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twin-simulate-'));
  written = '';
  const write = (text: unknown): boolean => {
    written += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function scenarioFile(...steps: readonly unknown[]): string {
  const file = join(folder, 'scenario.yaml');
  const flags = ['--data-parallel-size', 2];
  writeFileSync(file, JSON.stringify({ name: 'test', flags, steps }));
  return file;
}

const LOAD = { at: '1s', load: { rate: 2, prompt_tokens: 32, output_tokens: 8 } };

describe('simulate', () => {
  it('prints a table of each engine where no file is asked for', async () => {
    expect(await simulateCommand.run([scenarioFile(LOAD), '--duration', '60s'])).toBe(0);
    expect(written).toMatch(/engine 0 +engine 1\nrequests finished/);
    expect(written).toContain('5 of 5 scrapes were answered');
    expect(written).toContain('1.0 s: step 1 load 2/s of 32 + 8 tokens');
  });

  it('writes the same files for the same seed', async () => {
    const run = async (name: string): Promise<readonly string[]> => {
      const files = [join(folder, `${name}.om`), join(folder, `${name}.yml`)] as const;
      const words = ['--duration', '90s', '--openmetrics', files[0], '--series', files[1]];
      await simulateCommand.run([scenarioFile(LOAD), ...words, '--scrape-interval', '5s']);
      return files.map((file) => readFileSync(file, 'utf8'));
    };
    const [first, second] = [await run('a'), await run('b')];
    expect(second).toEqual(first);
    expect(first[0]).toContain(' 1767225690\n# EOF\n');
    expect(first[1]).toContain('interval: 5s');
  });

  it('ends with 1 where an expectation is not met, and says which', async () => {
    const file = scenarioFile({ at: '1s', expect: { path: '/health', status: 503, within: '2s' } });
    expect(await simulateCommand.run([file])).toBe(1);
    expect(written).toMatch(/step 1 unmet: expected status of \/health = 503.*, got 200/);
  });

  it('lets flags win over those of the scenario', async () => {
    await simulateCommand.run([
      scenarioFile(LOAD),
      '--duration',
      '1s',
      '--data-parallel-size',
      '3',
    ]);
    expect(written).toMatch(/engine 0 +engine 1 +engine 2\n/);
  });

  it.each([
    [[], /its first word is a file, SCENARIO\.yaml/],
    [['--duration', '1h'], /its first word is a file/],
    [['/no/such.yaml'], /\/no\/such\.yaml: cannot be read/],
    [['FILE', '--duration', '3 weeks'], /--duration '3 weeks': must be a duration/],
    [
      ['FILE', '--duration', '1s', '--scrape-interval', '1ms'],
      /--scrape-interval '1ms': must be .* from 100 ms/,
    ],
    [
      ['FILE', '--duration', '1s', '--start-time', 'soon'],
      /--start-time 'soon': must be a time since 1970/,
    ],
    [['FILE'], /has steps that do not end by themselves: .*--duration 24h/],
    [['FILE', '--duration', '1s', '--openmetrics', '/no/such/file'], /--openmetrics: cannot write/],
    [['FILE', '--duration', '1s', '--no-such-flag'], /--no-such-flag/],
  ])('refuses %j', async (words, message) => {
    const file = scenarioFile(LOAD);
    const given = words.map((word) => (word === 'FILE' ? file : word));
    await expect(simulateCommand.run(given)).rejects.toThrow(message);
  });
});
