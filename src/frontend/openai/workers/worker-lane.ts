/**
 * A bounded queue in front of workers: jobs wait their turn, end at their time limit, and give their place back when
 * their client leaves.
 * Source: vllm/renderers/base.py _SwappableExecutor, renderers/hf.py _render_with_timeout (0.33.0).
 */
import { ApiError, serviceUnavailable } from '../../llm/errors.ts';
import type { JobRunner } from './job-runner.ts';
import type { Jobs } from './jobs.ts';

export interface WorkerLaneOptions {
  readonly runner: JobRunner;
  /** Jobs that wait or run; more are answered 503. */
  readonly maxJobs: number;
  /** Characters in jobs that wait or run; a job alone in its lane may be larger. */
  readonly maxChars: number;
  /** What a job gets whose worker ended under it. */
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
  #numJobs = 0;
  #numChars = 0;
  #isClosed = false;

  constructor(options: WorkerLaneOptions) {
    this.#options = options;
  }

  /** Jobs that wait or run. */
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
    const onLate = () => {
      isLate = true;
      abort.abort();
    };
    const timer = timeoutMs === null ? null : setTimeout(onLate, timeoutMs);
    departure?.onDisconnect(() => abort.abort());
    try {
      const answer = await this.#options.runner.run(name, job, abort.signal);
      if (answer.ok) return answer.result;
      throw new ApiError(answer.info);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw isLate ? onTimeout() : this.#options.failure(error);
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

  /** Ends every job; resolves when no worker is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#options.runner.close();
  }
}
