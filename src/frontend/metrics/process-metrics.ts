/** The `process_*` families that Python's client exposes on Linux, read from the system at each scrape. */
import type { Clock } from '../../shared/clock.ts';
import { Family } from './families.ts';
import { createProcessFiguresReader, type ProcessFigures } from './process-figures.ts';

export class ProcessMetrics {
  readonly #clock: Clock;
  readonly #read: () => ProcessFigures;
  readonly #virtualMemory = new Family<'gauge', never>({
    type: 'gauge',
    name: 'process_virtual_memory_bytes',
    help: 'Virtual memory size in bytes.',
  });
  readonly #residentMemory = new Family<'gauge', never>({
    type: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
  });
  readonly #startTime = new Family<'gauge', never>({
    type: 'gauge',
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
  });
  readonly #cpu = new Family<'counter', never>({
    type: 'counter',
    name: 'process_cpu_seconds',
    help: 'Total user and system CPU time spent in seconds.',
    hasCreated: false,
  });
  readonly #openFds = new Family<'gauge', never>({
    type: 'gauge',
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
  });
  readonly #maxFds = new Family<'gauge', never>({
    type: 'gauge',
    name: 'process_max_fds',
    help: 'Maximum number of open file descriptors.',
  });

  constructor(clock: Clock, read: () => ProcessFigures = createProcessFiguresReader()) {
    this.#clock = clock;
    this.#read = read;
  }

  /** In the order of Python's client. */
  get families(): readonly Family[] {
    return [
      this.#virtualMemory,
      this.#residentMemory,
      this.#startTime,
      this.#cpu,
      this.#openFds,
      this.#maxFds,
    ];
  }

  /** Reads the system. */
  update(): void {
    const figures = this.#read();
    const nowMs = this.#clock.wallMs();
    const startSeconds = figures.startTimeSeconds;
    this.#virtualMemory.child({}, startSeconds).set(figures.virtualMemoryBytes, nowMs);
    this.#residentMemory.child({}, startSeconds).set(figures.residentMemoryBytes, nowMs);
    this.#startTime.child({}, startSeconds).set(startSeconds, nowMs);
    this.#cpu.child({}, startSeconds).setTotal(figures.cpuSeconds);
    this.#openFds.child({}, startSeconds).set(figures.openFds, nowMs);
    this.#maxFds.child({}, startSeconds).set(figures.maxFds, nowMs);
  }
}
