/** Whoever is killed, nothing stays behind: no process, no folder. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childrenOf, isAlive } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

describe('a frontend with two engines', () => {
  let folder = '';
  let twin: Twin;
  let children: readonly number[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kill-test-'));
    const words = ['serve', TINYMODEL, '--port', '0', '--data-parallel-size', '2'];
    twin = new Twin(words, { TMPDIR: folder });
    await twin.url();
    children = childrenOf(twin.pid);
  });
  afterEach(async () => {
    await twin.stop();
    for (const pid of children) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const privateFolders = (): readonly string[] =>
    readdirSync(folder).filter((name) => name.startsWith('vllm-twin-'));

  it('leaves nothing behind when it is killed', async () => {
    // Two engines and the coordinator.
    expect(children).toHaveLength(3);
    expect(privateFolders()).toHaveLength(1);
    twin.signal('SIGKILL');
    await twin.waitForExit();
    await waitUntil('no process left', async () => !children.some(isAlive));
    expect(privateFolders()).toEqual([]);
  });

  it('leaves nothing behind when it is told to stop', async () => {
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
    expect(privateFolders()).toEqual([]);
  });

  it('ends with exit code 1 when one of its processes is killed, and the others with it', async () => {
    process.kill(children[0] ?? 0, 'SIGKILL');
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    await waitUntil('no process left', async () => !children.some(isAlive));
    expect(privateFolders()).toEqual([]);
  });
});
