/** Who does the jobs of a lane: threads of this process, or a process of its own. */
import type { JobAnswer, Jobs } from './jobs.ts';

export interface JobRunner {
  /**
   * Rejects where no answer came: the signal was given, or whoever worked on it ended. The next job finds a new worker.
   */
  run<Name extends keyof Jobs>(
    name: Name,
    job: Jobs[Name]['job'],
    signal: AbortSignal,
  ): Promise<JobAnswer<Jobs[Name]['result']>>;
  /** Ends what runs; resolves when nothing of it is left. */
  close(): Promise<void>;
}

/** A module to be started; `execArgv` are Node's own options for it. */
export interface WorkerModule {
  readonly url: URL;
  readonly execArgv: readonly string[];
}
