import { describe, expect, it } from 'vitest';
import {
  findLauncher,
  type LauncherFacts,
} from '../../../../src/frontend/launch/launcher-watch.ts';

interface Entry {
  readonly command: readonly string[];
  readonly parentPid: number;
  readonly sessionId?: number;
}

const NPM_ENV = { npm_config_user_agent: 'npm/11', npm_lifecycle_script: 'vllm-twin serve' };

/** This process is 30; its parent is 20. */
function facts(
  table: Record<number, Entry>,
  env: Readonly<Record<string, string>> = NPM_ENV,
): LauncherFacts & { parent: number } {
  const made = {
    pid: 30,
    parent: 20,
    env,
    parentPid: () => made.parent,
    commandOf: (pid: number) => table[pid]?.command ?? null,
    entryOf: (pid: number) => {
      const entry = { 30: { command: [], parentPid: 20 }, ...table }[pid] as Entry | undefined;
      return entry === undefined
        ? null
        : { parentPid: entry.parentPid, startTime: 1, sessionId: entry.sessionId ?? 5 };
    },
  };
  return made;
}

const npm = { command: ['npm exec vllm-twin serve --api-key k'], parentPid: 2 };
const shell = { command: ['sh', '-c', 'vllm-twin serve'], parentPid: 10 };

describe('a launcher', () => {
  it.each([
    ['npm by its title', ['npm start']],
    ['npx by its script', ['node', '/usr/bin/npx', 'vllm-twin']],
    ['pnpm by its script', ['/usr/bin/node', '/lib/pnpm.cjs', 'run', 'x']],
    ['yarn by its script', ['/usr/bin/node', '/lib/yarn.js', 'x']],
  ])('is %s, and its end is seen', (_, command) => {
    const known = facts({ 20: { command, parentPid: 2 } });
    const launcher = findLauncher(known);
    expect(launcher?.isGone()).toBe(false);
    known.parent = 1;
    expect(launcher?.isGone()).toBe(true);
  });

  it('behind its shell is watched as well as the shell, and named without its arguments', () => {
    const table: Record<number, Entry> = { 20: shell, 10: npm };
    const launcher = findLauncher(facts(table));
    expect([launcher?.name, launcher?.isGone()]).toEqual(['npm exec', false]);
    table[20] = { ...shell, parentPid: 1 };
    expect(launcher?.isGone()).toBe(true);
  });

  it('that went before anybody looked leaves its shell to the init process', () => {
    expect(findLauncher(facts({ 20: { ...shell, parentPid: 1 } }))?.isGone()).toBe(true);
  });

  it.each([
    ['there is no npm in the environment', facts({ 20: npm }, {})],
    [
      'the parent is an interactive shell',
      facts({ 20: { command: ['bash'], parentPid: 10 }, 10: npm }),
    ],
    [
      'the script lets go of it with nohup',
      facts({ 20: { ...shell, command: ['sh', '-c', 'nohup vllm-twin serve &'] }, 10: npm }),
    ],
    ['setsid gave it a session', facts({ 20: { ...npm, sessionId: 4 } })],
    [
      'the parent is another program',
      facts({ 20: { command: ['/usr/bin/supervisord'], parentPid: 1 } }),
    ],
  ])('is none where %s', (_, known) => {
    expect(findLauncher(known)).toBeNull();
  });

  it('is none where the init process of a container is the parent', () => {
    const known = facts({ 1: npm });
    known.parent = 1;
    expect(findLauncher(known)).toBeNull();
  });
});
