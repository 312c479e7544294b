/**
 * Jobs in a process of its own, one after the other: what a stranger's template does to its memory ends that process
 * alone, where a thread would take the whole server along (an allocation that no heap limit foresees). The process
 * starts with the first job, knows nothing of our environment, and is replaced when it was ended in its work.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { JobRunner, WorkerModule } from './job-runner.ts';
import type { JobAnswer, Jobs } from './jobs.ts';

/** The process ended in the middle of a job: its heap was full, as far as one can tell. */
export class WorkerEndedError extends Error {
  override readonly name = 'WorkerEndedError';
}

interface Waiting {
  readonly message: { readonly name: keyof Jobs; readonly job: unknown };
  readonly resolve: (answer: JobAnswer<unknown>) => void;
  readonly reject: (error: Error) => void;
}

export class ProcessRunner implements JobRunner {
  readonly #module: WorkerModule;
  readonly #maxHeapMb: number;
  readonly #queue: Waiting[] = [];
  #running: Waiting | null = null;
  #child: ChildProcess | null = null;

  constructor({ module, maxHeapMb }: { module: WorkerModule; maxHeapMb: number }) {
    this.#module = module;
    this.#maxHeapMb = maxHeapMb;
  }

  run<Name extends keyof Jobs>(
    name: Name,
    job: Jobs[Name]['job'],
    signal: AbortSignal,
  ): Promise<JobAnswer<Jobs[Name]['result']>> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        message: { name, job },
        resolve: (answer) => resolve(answer as JobAnswer<Jobs[Name]['result']>),
        reject,
      };
      const onAbort = () => {
        this.#drop(waiting);
        reject(new WorkerEndedError('the job was ended'));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiting);
      this.#next();
    });
  }

  #drop(waiting: Waiting): void {
    const at = this.#queue.indexOf(waiting);
    if (at !== -1) this.#queue.splice(at, 1);
    else if (this.#running === waiting) this.#child?.kill('SIGKILL');
  }

  #next(): void {
    if (this.#running !== null) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    this.#running = waiting;
    this.#child ??= this.#start();
    this.#child.send(waiting.message, (error) => {
      // What cannot be cloned fails its own job; a process that is gone is told by its exit.
      if (error !== null && this.#child?.connected === true) this.#end((job) => job.reject(error));
    });
  }

  #end(tell: (job: Waiting) => void): void {
    const ended = this.#running;
    this.#running = null;
    if (ended !== null) tell(ended);
    this.#next();
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(this.#module.url), [String(process.pid)], {
      execArgv: [...this.#module.execArgv, `--max-old-space-size=${this.#maxHeapMb}`],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (answer) => this.#end((job) => job.resolve(answer as JobAnswer<unknown>)));
    const onGone = () => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#end((job) => job.reject(new WorkerEndedError('the worker process ended')));
    };
    child.on('exit', onGone);
    child.on('error', onGone);
    // It holds nobody up: a server that ends takes it along.
    child.unref();
    child.channel?.unref();
    return child;
  }

  async close(): Promise<void> {
    const waiting = this.#queue.splice(0);
    for (const { reject } of waiting) reject(new WorkerEndedError('the server shuts down'));
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.ref();
    child.kill('SIGKILL');
    await gone;
  }
}
