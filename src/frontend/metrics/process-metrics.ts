/** The `process_*` families that Python's client exposes on Linux, read from the system at each scrape. */
import type { Clock } from '../../shared/clock.ts';
import type { Counter, Gauge, Writers } from './child.ts';
import { Family } from './families.ts';
import { createProcessFiguresReader, type ProcessFigures } from './process-figures.ts';

export class ProcessMetrics {
  /** In the order of Python's client. */
  readonly families: readonly Family[];
  readonly #clock: Clock;
  readonly #read: () => ProcessFigures;
  readonly #virtualMemory: Gauge;
  readonly #residentMemory: Gauge;
  readonly #startTime: Gauge;
  readonly #cpu: Counter;
  readonly #openFds: Gauge;
  readonly #maxFds: Gauge;

  constructor(clock: Clock, read: () => ProcessFigures = createProcessFiguresReader()) {
    this.#clock = clock;
    this.#read = read;
    const families: Family[] = [];
    const add = <T extends 'counter' | 'gauge'>(
      type: T,
      name: string,
      help: string,
    ): Writers[T] => {
      const family = new Family<T, never>({ type, name, help, hasCreated: false });
      families.push(family);
      return family.child({}, clock.wallMs() / 1000);
    };
    this.#virtualMemory = add(
      'gauge',
      'process_virtual_memory_bytes',
      'Virtual memory size in bytes.',
    );
    this.#residentMemory = add(
      'gauge',
      'process_resident_memory_bytes',
      'Resident memory size in bytes.',
    );
    this.#startTime = add(
      'gauge',
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
    );
    this.#cpu = add(
      'counter',
      'process_cpu_seconds',
      'Total user and system CPU time spent in seconds.',
    );
    this.#openFds = add('gauge', 'process_open_fds', 'Number of open file descriptors.');
    this.#maxFds = add('gauge', 'process_max_fds', 'Maximum number of open file descriptors.');
    this.families = families;
  }

  /** Reads the system. */
  update(): void {
    const figures = this.#read();
    const nowMs = this.#clock.wallMs();
    this.#virtualMemory.set(figures.virtualMemoryBytes, nowMs);
    this.#residentMemory.set(figures.residentMemoryBytes, nowMs);
    this.#startTime.set(figures.startTimeSeconds, nowMs);
    this.#cpu.setTotal(figures.cpuSeconds);
    this.#openFds.set(figures.openFds, nowMs);
    this.#maxFds.set(figures.maxFds, nowMs);
  }
}
