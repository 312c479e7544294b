/** Every command of docs/lessons, run as it stands against the twin that the lesson starts, with what it prints. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { LESSONS } from '../../src/cli/lesson/lessons.ts';
import type { TwinState } from '../../src/shared/twin-api/state.ts';
import { packageFile } from '../support/package.ts';
import { childrenOf, isAlive } from '../support/process.ts';
import { CLI_MAIN, Twin } from '../support/twin.ts';
import { waitFor, waitUntil } from '../support/wait-for.ts';

/** Printed behind each block; no command prints it. */
const END_OF_BLOCK = '\u241e';

interface Block {
  readonly command: string;
  readonly prints: readonly string[];
}

function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => {
    const lines = text.trimEnd().split('\n');
    return {
      command: lines.filter((line) => !line.startsWith('# ')).join('\n'),
      prints: lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2)),
    };
  });
}

const squeezed = (line: string): string => line.trim().replace(/\s+/g, ' ');

/** `…` of the page stands for anything. */
function isAs(expected: string, line: string): boolean {
  const parts = squeezed(expected)
    .split('…')
    .map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(squeezed(line));
}

/** One shell for all blocks, as a reader has one terminal: what a block defines the next ones use. */
async function runInShell(blocks: readonly Block[], place: string): Promise<readonly string[][]> {
  const script = blocks
    .map(({ command }) => `${command}\necho '${END_OF_BLOCK}'\n`)
    .join('')
    .replaceAll('localhost:8000', place)
    .replaceAll('npx vllm-twin', `'${process.execPath}' '${CLI_MAIN}'`);
  const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await new Promise((resolve) => shell.once('exit', resolve));
  // Not its end: what it left in the background has the same output.
  await waitFor('all that it printed', () => printed.split(END_OF_BLOCK).length > blocks.length);
  shell.stdout.destroy();
  return printed
    .split(`${END_OF_BLOCK}\n`)
    .slice(0, -1)
    .map((text) => text.split('\n').filter((line) => line.trim() !== ''));
}

let twin: Twin;

afterEach(async () => {
  const children = childrenOf(twin.pid);
  twin.signal('SIGINT');
  expect((await twin.waitForExit()).code).toBe(0);
  expect(children.filter(isAlive)).toEqual([]);
});

describe('the lesson', () => {
  it.each(LESSONS.map((lesson) => [lesson.name, lesson] as const))(
    '%s: every command prints what its page says',
    async (name, lesson) => {
      const page = readFileSync(packageFile(`docs/lessons/${name}.md`), 'utf8');
      const [begin, ...blocks] = blocksOf(page);
      expect(begin).toEqual({ command: `npx vllm-twin lesson ${name}`, prints: [] });
      twin = new Twin(['lesson', name, '--port', '0']);
      const url =
        name === 'handshake'
          ? ((await twin.waitForLog(/next .*?at (http:\/\/\S+?)\/twin/))[1] ?? '')
          : await twin.url();
      const state = async (): Promise<TwinState> =>
        (await (await fetch(`${url}/twin/api/state`)).json()) as TwinState;
      await waitUntil('the lesson has begun', async () => {
        const { handshake_step: steps, phase, engines } = await state();
        if (name === 'handshake') return (steps?.held.length ?? 0) > 1;
        return phase === 'serving' && engines[0]?.clock?.state === lesson.clock;
      });
      // The coordinator's first counts come by a timer of its own; a reader is never there before them, a shell may be.
      if (name === 'waves') {
        await waitUntil('the frontend has heard of the coordinator', async () => {
          const frames = await (await fetch(`${url}/twin/api/frames`)).text();
          return /"APIServer".*"receive".*"COUNTS"/.test(frames);
        });
      }
      expect((await state()).lesson).toMatchObject({ name, title: lesson.title });

      const printed = await runInShell(blocks, url.replace('http://', ''));
      expect(printed).toHaveLength(blocks.length);
      for (const [index, { command, prints }] of blocks.entries()) {
        const lines = printed[index] ?? [];
        const asPage =
          lines.length === prints.length && prints.every((p, i) => isAs(p, lines[i] ?? ''));
        if (!asPage) expect(lines.map(squeezed), command).toEqual(prints.map(squeezed));
      }
    },
    60_000,
  );
});
