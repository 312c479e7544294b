/** Who runs on which core: servers on the first, the load client and the benchmark itself on the second. */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

export const SERVER_CORE = '0';
export const CLIENT_CORE = '1';
/** For a start, which is worth its time on all that there is. */
export const ALL_CORES = `0-${cpus().length - 1}`;

const hasTaskset = spawnSync('taskset', ['--version']).error === undefined && cpus().length > 1;

export const PINNING = hasTaskset
  ? `servers on core ${SERVER_CORE}, client on core ${CLIENT_CORE}, starts on all`
  : "NOT PINNED: there is no taskset or no second core; server and client get into each other's way";

/** The command that runs this one on these cores, with all that it starts. */
export function pinned(cores: string, command: readonly string[]): readonly string[] {
  return hasTaskset ? ['taskset', '-c', cores, ...command] : command;
}

/** Moves this process, and what it will start without a core of its own. */
export function pinThisProcess(cores: string): void {
  if (hasTaskset) spawnSync('taskset', ['-acp', cores, String(process.pid)]);
}
