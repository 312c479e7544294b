/**
 * Jobs on worker threads, one at a time each. A thread that was ended in its work is replaced. Starts with the first
 * job. The one door to tinypool.
 */
import type { Tinypool } from 'tinypool';
import type { JobRunner, WorkerModule } from './job-runner.ts';
import type { JobAnswer, Jobs, WorkerSettings } from './jobs.ts';

export interface ThreadRunnerOptions {
  readonly module: WorkerModule;
  readonly settings: WorkerSettings;
  readonly numThreads: number;
  /** Heap of one thread; what needs more ends that job. */
  readonly maxHeapMb: number;
}

export class ThreadRunner implements JobRunner {
  readonly #options: ThreadRunnerOptions;
  #pool: Promise<Tinypool> | null = null;

  constructor(options: ThreadRunnerOptions) {
    this.#options = options;
  }

  async run<Name extends keyof Jobs>(
    name: Name,
    job: Jobs[Name]['job'],
    signal: AbortSignal,
  ): Promise<JobAnswer<Jobs[Name]['result']>> {
    this.#pool ??= this.#start();
    const pool = await this.#pool;
    return (await pool.run(job, { name, signal })) as JobAnswer<Jobs[Name]['result']>;
  }

  async #start(): Promise<Tinypool> {
    const { module, settings, numThreads, maxHeapMb } = this.#options;
    const { Tinypool } = await import('tinypool');
    const pool = new Tinypool({
      runtime: 'worker_threads',
      filename: module.url.href,
      execArgv: [...module.execArgv],
      // As many from the start as there may be: the library replaces only down to the minimum.
      minThreads: numThreads,
      maxThreads: numThreads,
      concurrentTasksPerWorker: 1,
      // The lane in front counts what waits.
      maxQueue: Number.POSITIVE_INFINITY,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      workerData: settings,
    });
    // A thread that fails between two jobs is nobody's error: the next job gets another one.
    pool.on('error', () => {});
    return pool;
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }
}
