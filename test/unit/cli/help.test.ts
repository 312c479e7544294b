import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { explainCommand } from '../../../src/cli/explain/command.ts';
import { commandHelp, overview, pageWidth } from '../../../src/cli/help.ts';
import { modelsCommand } from '../../../src/cli/models.ts';
import { serveCommand } from '../../../src/cli/serve.ts';
import { FIELDS, type FieldKey, fieldOf } from '../../../src/shared/config/registry.ts';

const COMMANDS: readonly Command[] = [serveCommand, explainCommand, modelsCommand];

/** A word that is longer than a line has one of its own; only JSON examples and flags' names are. */
function longLines(page: string, width: number): string[] {
  const isOneWord = (line: string): boolean => !line.trim().replace(/ \\$/, '').includes(' ');
  return page.split('\n').filter((line) => line.length > width && !isOneWord(line));
}

function titlesOf(page: string): string[] {
  return page.split('\n').filter((line) => /^[A-Z].*:$/.test(line));
}

describe('the help of a command', () => {
  it.each([50, 60, 80, 100])('fits %i columns', async (width) => {
    for (const command of COMMANDS)
      expect(longLines(commandHelp(command, null, width), width)).toEqual([]);
    const commands = Object.fromEntries(COMMANDS.map((c) => [c.name, async () => c]));
    expect(longLines(await overview(commands, width), width)).toEqual([]);
  });

  it("shows the twin's own flags before those of vLLM, and every flag once", () => {
    const page = commandHelp(serveCommand, null, 80);
    expect(titlesOf(page).slice(0, 3)).toEqual(['The twin:', 'Command:', 'Model and LoRA:']);
    for (const { flags } of serveCommand.flags)
      for (const { name } of flags)
        expect(page.match(new RegExp(`^  --${name}( |$)`, 'gm')), name).toHaveLength(1);
  });

  it('says the unit of every number that has one, beside its default', () => {
    const page = commandHelp(serveCommand, null, 100);
    expect(page).toContain('How long requests may drain at a shutdown. [0 seconds]');
    expect(page).toMatch(/--gpu-memory +Memory of the GPU instead of the catalogue's. \[bytes\]/);
    const counted = /(Size|Bytes|Tokens|Timeout|Interval)$/;
    for (const key of Object.keys(FIELDS) as FieldKey[]) {
      const { kind, unit } = fieldOf(key);
      const isNumber = /^(int|float|human|size)/.test(kind);
      if (isNumber && counted.test(key)) expect(unit, key).toBeDefined();
    }
  });

  it.each([
    ['twin', ['The twin:']],
    ['KV cache', ['KV cache:']],
    ['kv-cache', ['KV cache:']],
    ['http', ['HTTP frontend:']],
    ['model', ['Model and LoRA:']],
  ])('%j shows one group', (word, titles) => {
    expect(titlesOf(commandHelp(serveCommand, word, 80))).toEqual(titles);
  });

  it('shows the flags that have a word in their name where no group has it', () => {
    const page = commandHelp(serveCommand, 'Handshake_Timeout', 80);
    expect(page.match(/^ {2}--\S+/gm)).toEqual(['  --handshake-timeout']);
  });

  it('shows all of it for the word all', () => {
    expect(commandHelp(serveCommand, 'all', 80)).toBe(commandHelp(serveCommand, null, 80));
  });

  it.each(['nothing-like-it', ''])('%j is refused with the groups that there are', (word) => {
    expect(() => commandHelp(serveCommand, word, 80)).toThrow(
      `serve --help=${word}: no group or flag has that in its name; groups are twin, command, model, `,
    );
  });

  it('breaks a long example where a shell lets it', () => {
    const page = commandHelp(serveCommand, null, 80);
    expect(page).toMatch(/vllm-twin serve --headless .* \\\n {4}--data-parallel-/);
  });
});

describe('the width of a page', () => {
  it.each([
    [{ columns: 72 }, {}, 72],
    [{ columns: 240 }, {}, 100],
    [{ columns: 72 }, { COLUMNS: '50' }, 72],
    [{}, { COLUMNS: '64' }, 64],
    [{}, { COLUMNS: 'wide' }, 80],
    [{}, { COLUMNS: '-1' }, 80],
    [{}, {}, 80],
  ])('of stdout %j and environment %j is %i', (stdout, env, width) => {
    expect(pageWidth({ stdout, env })).toBe(width);
  });
});
