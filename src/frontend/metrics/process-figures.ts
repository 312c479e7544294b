/** What the system says of this process. Where there is no such folder, what only it knows is 0. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly virtualMemoryBytes: number;
  readonly residentMemoryBytes: number;
  /** Wall-clock time. */
  readonly startTimeSeconds: number;
  /** User and system together. */
  readonly cpuSeconds: number;
  readonly openFds: number;
  readonly maxFds: number;
}

const PAGE_BYTES = 4096;

/** `folder` is a process's in Linux's proc file system. */
export function readProcessFigures(folder = '/proc/self'): ProcessFigures {
  const { user, system } = process.cpuUsage();
  return {
    virtualMemoryBytes: parseVirtualMemoryBytes(readText(`${folder}/statm`)),
    residentMemoryBytes: process.memoryUsage.rss(),
    startTimeSeconds: performance.timeOrigin / 1000,
    cpuSeconds: (user + system) / 1e6,
    openFds: countOpenFds(`${folder}/fd`),
    maxFds: parseMaxFds(readText(`${folder}/limits`)),
  };
}

/** `statm` counts pages; the first number is all of them. */
export function parseVirtualMemoryBytes(statm: string): number {
  return Number.parseInt(`0${statm}`, 10) * PAGE_BYTES;
}

/** The soft limit of `limits`; 0 where it has none or is unlimited. */
export function parseMaxFds(limits: string): number {
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
}

function countOpenFds(folder: string): number {
  try {
    // The directory handle of this very reading is one of them.
    return readdirSync(folder).length - 1;
  } catch {
    return 0;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
