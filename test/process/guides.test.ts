/** docs/guides: every command as it stands there, one after the other in an empty folder, and what it prints. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, RunningProcess } from '../support/process.ts';
import { isPrometheusInstalled } from '../support/prometheus.ts';
import { CLI_MAIN } from '../support/twin.ts';

interface Block {
  readonly commands: string;
  /** Lines that it prints, or how they begin. */
  readonly shown: readonly string[];
}

/** The blocks of commands, each with the block of output behind it. */
function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n```\n([\s\S]*?)^```\n)?/gm)].map(
    ([, commands = '', shown = '']) => ({
      commands,
      shown: shown.split('\n').filter((line) => line !== ''),
    }),
  );
}

/** Runs it from top to bottom; the exit codes of its blocks. */
async function codesOf(file: string): Promise<readonly (number | null)[]> {
  const page = readFileSync(new URL(`../../docs/guides/${file}`, import.meta.url), 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'twin-guide-'));
  try {
    const command = join(folder, 'vllm-twin');
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${CLI_MAIN}' "$@"\n`);
    chmodSync(command, 0o755);
    const env = { PATH: `${folder}:${process.env['PATH']}` };
    const codes: (number | null)[] = [];
    for (const { commands, shown } of blocksOf(page)) {
      const words = ['-e', '-o', 'pipefail', '-c', commands];
      const shell = new RunningProcess('bash', words, { cwd: folder, env });
      codes.push((await shell.waitForExit(60_000)).code);
      const lines = shell.log.split('\n');
      for (const line of shown)
        expect(
          lines.some((printed) => printed.trim().startsWith(line.trim())),
          `${line}\n${shell.log}`,
        ).toBe(true);
    }
    return codes;
  } finally {
    stopServerOf(folder);
    rmSync(folder, { recursive: true });
  }
}

/** Where a guide has failed before it came to that. */
function stopServerOf(folder: string): void {
  const file = join(folder, 'pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8'));
  if (isAlive(pid)) process.kill(pid);
}

describe('docs/guides', () => {
  it.skipIf(!isPrometheusInstalled())(
    'test-an-alert.md goes from nothing to a failing, then passing test',
    async () => {
      expect(await codesOf('test-an-alert.md')).toEqual([0, 0, 0, 1, 0]);
    },
  );

  it('scenarios.md makes it happen: by a file, in a shell, over HTTP', async () => {
    expect(await codesOf('scenarios.md')).toEqual([0, 0, 0, 0, 0]);
  });
});
