/** What `npm run attack` makes of its parts: of one that holds, that fails, that breaks, that leaves a process behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, RunningProcess } from '../support/process.ts';

const MAIN = fileURLToPath(new URL('../../scripts/attack.mjs', import.meta.url));

const PARTS: Readonly<Record<string, string>> = {
  holds: `export async function run({ seed, seconds }) {
    return { name: 'holds', figures: { requests: 1000 * seed + seconds }, failures: [] };
  }`,
  fails: `export function run() {
    return { name: 'fails', figures: {}, failures: ['a request was lost'] };
  }`,
  throws: `export async function run() { throw new Error('no such thing'); }`,
  breaks: 'export async function run() { process.exit(3); }',
  prints: `export async function run() { console.log('7 requests'); }`,
  leaves: `import { spawn } from 'node:child_process';
export async function run() {
    const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    return { name: 'leaves', figures: { pid: String(pid) }, failures: [] };
  }`,
  shared: 'export const notAPart = 1;',
};

describe('npm run attack', () => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'attack-'));
    for (const [name, text] of Object.entries(PARTS))
      writeFileSync(join(folder, `${name}.ts`), `${text}\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function attack(...words: string[]): Promise<{ code: number | null; log: string }> {
    const started = new RunningProcess(process.execPath, [MAIN, '--folder', folder, ...words]);
    try {
      const { code } = await started.waitForExit(60_000);
      return { code, log: started.log };
    } finally {
      await started.stop();
    }
  }

  it('ends with 0 and the figures of what was sent where all held', async () => {
    const { code, log } = await attack('holds', '--seed', '7', '--seconds', '3');
    expect(log).toMatch(/^holds +requests +7,003$/m);
    expect(log).toMatch(/^ +survivors +0$/m);
    expect(log).toContain('1 parts, seed 7, 3 s each: all held');
    expect(code).toBe(0);
  });

  it('ends with 1 and a line each for what failed and for what broke', async () => {
    const { code, log } = await attack('fails', 'throws', 'breaks', 'holds');
    expect(log).toContain('FAILED fails: a request was lost');
    expect(log).toContain('FAILED throws: no such thing');
    expect(log).toContain('FAILED breaks: broke: exit code 3');
    expect(log).toContain('4 parts, seed 1, 20 s each: 3 failures');
    expect(code).toBe(1);
  });

  it('takes a part that prints its figures itself', async () => {
    const { code, log } = await attack('prints');
    expect(log).toContain('7 requests\n');
    expect(log).toMatch(/^prints +took s +\d+$/m);
    expect(code).toBe(0);
  });

  it('finds a process that was left behind, and ends it', async () => {
    const { code, log } = await attack('leaves');
    const [, pid = ''] = /pid +(\d+)/.exec(log) ?? [];
    expect(log).toContain(`FAILED leaves: left process ${pid} behind: sleep 600`);
    expect(isAlive(Number(pid))).toBe(false);
    expect(code).toBe(1);
  });

  it.each([
    [
      ['nothing'],
      'no part nothing of the attack; there are breaks, fails, holds, leaves, prints, throws',
    ],
    [['--seconds', '0'], "--seconds: must be an integer of at least 1, got '0'"],
    [['--seed', 'x'], "--seed: must be an integer of at least 0, got 'x'"],
    [['--sed', '1'], "Unknown option '--sed'"],
  ])('%j is refused with exit code 2', async (words, message) => {
    const { code, log } = await attack(...words);
    expect(log).toContain(message);
    expect(log.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  it('names its parts and options in its help', async () => {
    const { code, log } = await attack('--help');
    expect(log).toContain('one of breaks, fails, holds, leaves, prints, throws');
    for (const option of ['--seed', '--seconds', '--folder']) expect(log).toContain(option);
    expect(code).toBe(0);
  });
});
