/** A command starts alike with kept code, without, with code that is none, and where nothing can be kept. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';

describe('the code of a program', () => {
  let cache: string;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'code-cache-'));
  });
  afterEach(() => rmSync(cache, { recursive: true, force: true }));

  const kept = (): readonly string[] => readdirSync(join(cache, 'vllm-twin/code'));

  async function say(env: Readonly<Record<string, string>> = {}): Promise<string> {
    const child = new RunningProcess(process.execPath, [CLI_MAIN, 'models'], {
      env: { XDG_CACHE_HOME: cache, ...env },
    });
    const { code } = await child.waitForExit();
    expect({ code, log: child.log.replace(child.stdout, '') }).toEqual({ code: 0, log: '' });
    return child.stdout;
  }

  it('is kept by the first start and used by the next', async () => {
    const said = await say();
    expect(said).toContain('Qwen/Qwen3-0.6B');
    expect(kept()).toEqual([expect.stringMatching(/^cli-main-models-/)]);
    // Another Node has its own, also one with the same V8.
    expect(kept()[0]).toContain(`-${process.version}-${process.arch}-`);
    const [name = ''] = kept();
    const first = readFileSync(join(cache, 'vllm-twin/code', name));
    expect(await say()).toBe(said);
    expect(readFileSync(join(cache, 'vllm-twin/code', name)).equals(first)).toBe(true);
  });

  it('is compiled again where the kept one is damaged, or another V8 wrote it', async () => {
    const said = await say();
    const path = join(cache, 'vllm-twin/code', kept()[0] ?? '');
    const good = readFileSync(path);
    writeFileSync(path, Buffer.from(good).fill(0xff, good.length / 2, good.length / 2 + 64));
    expect(await say()).toBe(said);
    expect(await say({ NODE_OPTIONS: '--stack-trace-limit=11' })).toBe(said);
    expect(kept().length).toBe(2);
  });

  it('is not kept where there is no place or none is wanted', async () => {
    const said = await say({ NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(readdirSync(cache)).toEqual([]);
    writeFileSync(join(tmpdir(), 'no-folder'), '');
    expect(await say({ XDG_CACHE_HOME: join(tmpdir(), 'no-folder') })).toBe(said);
    rmSync(join(tmpdir(), 'no-folder'));
  });
});
