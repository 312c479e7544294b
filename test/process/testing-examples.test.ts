/**
 * The examples of examples/testing, run as their first lines say, over the package as a user has it; in other languages where
 * the machine has them. The one with containers is only read: it wants a container engine.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_INSTALLED, packageFile } from '../support/package.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';

const CLONE = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(CLONE, 'examples', 'testing');
const VITEST = join(CLONE, 'node_modules', 'vitest');
const MAX_LINES = 60;
/** Go compiles its standard library the first time. */
const DEADLINE_MS = 110_000;

/** Where it is on this machine; null where it is not. Go's own place is not on everybody's PATH. */
function whereIs(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found === undefined) return null;
  return spawnSync(found, [program === 'go' ? 'version' : '--version']).status === 0 ? found : null;
}

/** The programs of docs/testing.md, with their language. */
function codeBlocks(): readonly (readonly [language: string, code: string])[] {
  const page = readFileSync(packageFile('docs/testing.md'), 'utf8');
  const blocks = [...page.matchAll(/^```(ts|js)\n(.*?)^```$/gms)];
  return blocks.map(([, language = '', code = '']) => [language, code] as const);
}

const pytest = whereIs('pytest');
const go = whereIs('go');

describe('the examples for tests', () => {
  // A copy finds the package, and vitest, as any program beside it does.
  let folder = '';
  const links: string[] = [];
  beforeAll(() => {
    const beside = IS_INSTALLED ? packageFile('../..') : join(CLONE, 'test-output');
    mkdirSync(beside, { recursive: true });
    folder = mkdtempSync(join(beside, 'examples-'));
    cpSync(FOLDER, folder, { recursive: true });
    if (!IS_INSTALLED) return;
    for (const name of ['vitest', '@types']) {
      const link = packageFile(`../${name}`);
      if (existsSync(link)) continue;
      symlinkSync(join(CLONE, 'node_modules', name), link);
      links.push(link);
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    for (const link of links) rmSync(link);
  });

  /** What it prints; fails where it does not end with 0. */
  async function run(program: string, words: readonly string[], cwd = folder): Promise<string> {
    const env = { VLLM_TWIN: `${process.execPath} ${CLI_MAIN}` };
    const example = new RunningProcess(program, words, { cwd, env });
    const exit = await example.waitForExit(DEADLINE_MS).finally(() => example.stop());
    expect(exit, example.log).toEqual({ code: 0, signal: null });
    return example.log;
  }

  it('are short and told of in the README', () => {
    const readme = readFileSync(join(FOLDER, '../README.md'), 'utf8');
    for (const file of readdirSync(FOLDER)) {
      expect(readme).toContain(`[testing/${file}](testing/${file})`);
      const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n');
      expect(lines.length, file).toBeLessThanOrEqual(MAX_LINES);
    }
  });

  it('vitest: a twin for each test, and matchers', async () => {
    const words = [join(VITEST, 'vitest.mjs'), 'run', '--root', folder, '--no-color'];
    expect(await run(process.execPath, words)).toMatch(/Tests +3 passed/);
  });

  it('vitest: is typed, as the package ships it', async () => {
    const tsc = join(CLONE, 'node_modules/typescript/bin/tsc');
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--types', 'node'];
    const words = [
      tsc,
      '--ignoreConfig',
      ...strict,
      '--module',
      'nodenext',
      '--target',
      'es2023',
      'vitest.test.ts',
    ];
    await run(process.execPath, words);
  });

  it('node:test: plain JavaScript', async () => {
    expect(await run(process.execPath, ['--test', 'node-test.mjs'])).toMatch(/pass 1/);
  });

  it.each(codeBlocks())('docs/testing.md: its %s runs', async (language, code) => {
    const place = mkdtempSync(join(folder, 'docs-'));
    try {
      const file = join(place, language === 'ts' ? 'docs.test.ts' : 'docs.mjs');
      writeFileSync(file, code);
      if (language === 'ts') {
        const words = ['run', '--root', place, '--testTimeout=30000', '--no-color'];
        const said = await run(process.execPath, [join(VITEST, 'vitest.mjs'), ...words]);
        expect(said).toMatch(/Tests +1 passed/);
      } else {
        const said = await run(process.execPath, [file]);
        expect(said).toMatch(/^(http\S+ \d+ tokens\n0 running|0 \d+ tokens\n1 \d+ tokens)\n$/);
      }
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  it('testcontainers: can be read (SKIPPED: it is run by hand, where there is a container engine)', async () => {
    await run(process.execPath, ['--check', 'testcontainers.mjs']);
  });

  const noPytest = pytest === null ? ' (SKIPPED: there is no pytest here)' : '';
  it.skipIf(pytest === null)(`pytest: start, wait, stop${noPytest}`, async () => {
    const words = ['-q', '-p', 'no:cacheprovider', 'test_twin.py'];
    expect(await run(pytest ?? '', words)).toMatch(/1 passed/);
  });

  const noGo = go === null ? ' (SKIPPED: there is no Go here)' : '';
  it.skipIf(go === null)(`Go: start, wait, stop${noGo}`, async () => {
    expect(await run(go ?? '', ['test', 'twin_test.go'])).toMatch(/^ok/m);
  });
});
