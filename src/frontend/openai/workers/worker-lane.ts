/**
 * One lane of worker threads with a bounded queue: jobs wait their turn, end at their time limit, and give their place
 * back when their client leaves. A worker that was ended in its work is replaced. The one door to tinypool.
 * Source: vllm/renderers/base.py _SwappableExecutor, renderers/hf.py _render_with_timeout (0.33.0).
 */
import type { Tinypool } from 'tinypool';
import { ApiError, serviceUnavailable } from '../../llm/errors.ts';
import type { JobAnswer, Jobs, WorkerSettings } from './jobs.ts';

/** The worker's module; its last part is what the built package holds. */
export interface WorkerModule {
  readonly url: URL;
  readonly execArgv: readonly string[];
}

export interface WorkerLaneOptions {
  readonly module: WorkerModule;
  readonly settings: WorkerSettings;
  readonly numThreads: number;
  /** Heap of one worker; what needs more ends that job. */
  readonly maxHeapMb: number;
  /** Jobs that wait or run; more are answered 503. */
  readonly maxJobs: number;
  /** Characters in jobs that wait or run; a job alone in its lane may be larger. */
  readonly maxChars: number;
  /** What a job gets that needed more memory than there is, or a worker that failed otherwise. */
  readonly failure: (error: unknown) => ApiError;
}

/** Who asked: told of the disconnect, a job ends. */
export interface Departure {
  onDisconnect(handler: () => void): void;
}

export interface JobLimits {
  /** Characters, or what is as much work. */
  readonly size: number;
  /** From now on, waiting included; null: as long as it takes. */
  readonly timeoutMs: number | null;
  readonly onTimeout: () => ApiError;
  readonly departure: Departure | null;
}

const BUSY =
  'The server is currently busy with long texts and cannot accept new ones. Please try again later or on a different instance.';

export class WorkerLane {
  readonly #options: WorkerLaneOptions;
  #pool: Promise<Tinypool> | null = null;
  #numJobs = 0;
  #numChars = 0;
  #isClosed = false;

  constructor(options: WorkerLaneOptions) {
    this.#options = options;
  }

  get numJobs(): number {
    return this.#numJobs;
  }

  /** Rejects with ApiError alone: what the job answered, 503 where the lane is full, or what a limit says. */
  async run<Name extends keyof Jobs>(
    name: Name,
    job: Jobs[Name]['job'],
    { size, timeoutMs, onTimeout, departure }: JobLimits,
  ): Promise<Jobs[Name]['result']> {
    this.#checkRoom(size);
    this.#numJobs += 1;
    this.#numChars += size;
    const abort = new AbortController();
    let isLate = false;
    const timer =
      timeoutMs === null
        ? null
        : setTimeout(() => {
            isLate = true;
            abort.abort();
          }, timeoutMs);
    departure?.onDisconnect(() => abort.abort());
    try {
      const pool = await this.#start();
      const given = await pool.run(job, { name, signal: abort.signal });
      const answer = given as JobAnswer<Jobs[Name]['result']>;
      if (answer.ok) return answer.result;
      throw new ApiError(answer.info);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (isLate) throw onTimeout();
      throw this.#options.failure(error);
    } finally {
      if (timer !== null) clearTimeout(timer);
      this.#numJobs -= 1;
      this.#numChars -= size;
    }
  }

  #checkRoom(size: number): void {
    const { maxJobs, maxChars } = this.#options;
    const isFull = this.#numJobs >= maxJobs;
    const isHeavy = this.#numJobs > 0 && this.#numChars + size > maxChars;
    if (this.#isClosed || isFull || isHeavy) throw serviceUnavailable(BUSY);
  }

  #start(): Promise<Tinypool> {
    this.#pool ??= this.#load();
    return this.#pool;
  }

  async #load(): Promise<Tinypool> {
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
      maxQueue: Number.POSITIVE_INFINITY,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      workerData: settings,
    });
    // A worker that fails between two jobs is nobody's error: the next job gets another one.
    pool.on('error', () => {});
    return pool;
  }

  /** Ends every job and every thread. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#pool)?.destroy();
  }
}
