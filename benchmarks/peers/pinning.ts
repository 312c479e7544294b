/** Who runs on which core: servers on the first, the load client and the benchmark itself on the second. */
import { spawnSync } from 'node:child_process';

export const SERVER_CORE = 0;
export const CLIENT_CORE = 1;

const hasTaskset = spawnSync('taskset', ['--version']).error === undefined;

export const PINNING = hasTaskset
  ? `servers on core ${SERVER_CORE}, client on core ${CLIENT_CORE}`
  : 'NOT PINNED: there is no taskset; server and client may share a core';

/** The command that runs this one on a core, with all that it starts. */
export function pinned(core: number, command: readonly string[]): readonly string[] {
  return hasTaskset ? ['taskset', '-c', String(core), ...command] : command;
}

/** Moves this process, and what it will start without a core of its own. */
export function pinThisProcess(core: number): void {
  if (hasTaskset) spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
}
