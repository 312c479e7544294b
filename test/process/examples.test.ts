/** The examples, run as their README says; each ends by itself and leaves no process behind. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_INSTALLED, packageFile } from '../support/package.ts';
import { RunningProcess } from '../support/process.ts';

const FOLDER = new URL('../../examples/', import.meta.url);
const MAX_LINES = 60;

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));

/** What each prints, line by line. */
const OUTPUTS: Readonly<Record<string, readonly RegExp[]>> = {
  'capacity-table.mjs': [
    /^model +L4 +A100-80GB +H100$/m,
    /^Qwen\/Qwen3-0\.6B( +[\d,]+){3}$/m,
    /^google\/gemma-3-27b-it +does not fit( +[\d,]+){2}$/m,
  ],
  'explicit-layers.mjs': [
    /^by the library call: 355167 tokens in 40960 blocks$/m,
    /^by --kv-cache-specs: 355167 tokens$/m,
  ],
  'two-unequal-engines.mjs': [
    /^engine 0: 641984 tokens, 156\.73 requests of 4096 at a time$/m,
    /^engine 1: 16400 tokens, 4\.00 requests of 4096 at a time$/m,
  ],
  'disaggregated.mjs': [
    /^prefilled 761 tokens, in 48 blocks$/m,
    /^decoded 20 tokens$/m,
    /^loaded 761 tokens$/m,
    /^read 1 time$/m,
    /^the first one holds 0 of its KV cache$/m,
  ],
  'handshake-by-hand.mjs': [
    /^engine 0 +\{"status":"HELLO","local":false,"headless":true\}$/m,
    /^engine \(capacity\) +\{"max_model_len":40960,"num_gpu_blocks":\d+/m,
    /^engine +\{"status":"READY","local":false,"headless":true\}$/m,
    /^engine \(answer\) .*\[7,null,\[null,false\]\]/m,
  ],
};

describe('the examples', () => {
  // They find the package as any program beside it does: in the clone by its own name, else from where it is installed.
  let folder = fileURLToPath(FOLDER);
  beforeAll(() => {
    if (!IS_INSTALLED) return;
    folder = mkdtempSync(packageFile('../../examples-'));
    cpSync(fileURLToPath(FOLDER), folder, { recursive: true });
  });
  afterAll(() => {
    if (IS_INSTALLED) rmSync(folder, { recursive: true });
  });

  it('are those that are tested here and told of in the README', () => {
    const readme = readFileSync(new URL('README.md', FOLDER), 'utf8');
    expect(files.toSorted()).toEqual(Object.keys(OUTPUTS).toSorted());
    for (const file of files) expect(readme).toContain(`[${file}](${file})`);
  });

  it.each(files)(
    '%s runs, prints what it shows, and ends with all that it started',
    async (file) => {
      const path = join(folder, file);
      expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThanOrEqual(MAX_LINES);
      const mark = `${file}-${process.pid}`;
      const example = new RunningProcess(process.execPath, [path], { env: { EXAMPLE_MARK: mark } });
      expect(await example.exited, example.log).toEqual({ code: 0, signal: null });
      for (const pattern of OUTPUTS[file] ?? []) expect(example.stdout).toMatch(pattern);
      expect(processesWith(`EXAMPLE_MARK=${mark}`)).toEqual([]);
    },
  );
});

/** Ids of the processes that have this in their environment: the example's own, and all that it started. */
function processesWith(setting: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(setting);
    } catch {
      // Gone meanwhile, or another user's.
      return false;
    }
  });
}
