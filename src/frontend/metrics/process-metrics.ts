/** The `process_*` families that Python's client exposes on Linux, read from the system at each scrape. */
import { readdirSync, readFileSync } from 'node:fs';
import { Family } from './families.ts';

const DEFINITIONS = {
  virtual: ['gauge', 'process_virtual_memory_bytes', 'Virtual memory size in bytes.'],
  resident: ['gauge', 'process_resident_memory_bytes', 'Resident memory size in bytes.'],
  start: [
    'gauge',
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.',
  ],
  cpu: ['counter', 'process_cpu_seconds', 'Total user and system CPU time spent in seconds.'],
  openFds: ['gauge', 'process_open_fds', 'Number of open file descriptors.'],
  maxFds: ['gauge', 'process_max_fds', 'Maximum number of open file descriptors.'],
} as const;

const PAGE_BYTES = 4096;

export class ProcessMetrics {
  readonly families: readonly Family[];
  readonly #startSeconds: number;

  constructor() {
    this.#startSeconds = performance.timeOrigin / 1000;
    this.families = Object.values(DEFINITIONS).map(
      ([type, name, help]) => new Family({ name, help, type }),
    );
  }

  /** Reads the system. Where there is no /proc, what cannot be known stays 0. */
  update(): void {
    const { user, system } = process.cpuUsage();
    const values: Record<string, number> = {
      process_virtual_memory_bytes: virtualMemoryBytes(),
      process_resident_memory_bytes: process.memoryUsage.rss(),
      process_start_time_seconds: this.#startSeconds,
      process_cpu_seconds: (user + system) / 1e6,
      process_open_fds: openFds(),
      process_max_fds: maxFds(),
    };
    const nowMs = Date.now();
    for (const family of this.families)
      family.child({}, this.#startSeconds).set(values[family.name] ?? 0, nowMs);
  }
}

function virtualMemoryBytes(): number {
  const pages = readProc('/proc/self/statm').split(' ')[0];
  return Number(pages ?? 0) * PAGE_BYTES;
}

function openFds(): number {
  try {
    // The directory handle of this very reading is one of them.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

function maxFds(): number {
  const match = /^Max open files\s+(\d+)/m.exec(readProc('/proc/self/limits'));
  return Number(match?.[1] ?? 0);
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
