/** docs/guides: every command as it stands there, one after the other in an empty folder, and what it prints. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RunningProcess } from '../support/process.ts';
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

describe.skipIf(!isPrometheusInstalled())('docs/guides/test-an-alert.md', () => {
  const page = readFileSync(new URL('../../docs/guides/test-an-alert.md', import.meta.url), 'utf8');

  it('goes from nothing to a failing, then passing test', async () => {
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
      expect(codes).toEqual([0, 0, 0, 1, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
