/** Compiles on a worker thread, which starts with the first job: a tokenizer takes seconds to load, and steps go on. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ownFile } from '../../shared/own-files.ts';
import { systemTimers, type Timer } from '../../shared/timers.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompileResult, GrammarCompiler } from './grammar-compiler.ts';

export interface WorkerQuestion {
  readonly id: number;
  readonly job: CompileJob;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly result: CompileResult;
}

interface Waiting extends WorkerQuestion {
  readonly done: (result: CompileResult) => void;
}

const WORKER_FILE = 'engine-core/structured-output/grammar-worker.js';
/** A vocabulary of 150,000 tokens loads in a few seconds; a schema that takes longer than this never ends. */
const MAX_JOB_MS = 60_000;
const MAX_HEAP_MB = 2048;
/** Jobs that wait; each is a request of the engine, and more are refused. */
const MAX_JOBS = 4096;

export class ThreadCompiler implements GrammarCompiler {
  readonly #folder: string | null;
  #worker: Worker | null = null;
  /** The first one is being worked at. */
  #jobs: Waiting[] = [];
  #lastId = 0;
  #timer: Timer | null = null;

  /** `folder`: of the tokenizer, as loadTokenizer takes it. */
  constructor(folder: string | null) {
    this.#folder = folder;
  }

  compile(job: CompileJob, done: (result: CompileResult) => void): void {
    if (this.#jobs.length >= MAX_JOBS) {
      setImmediate(done, { failure: `${MAX_JOBS} grammars wait to be compiled already` });
      return;
    }
    this.#lastId += 1;
    this.#jobs.push({ id: this.#lastId, job, done });
    if (this.#jobs.length === 1) this.#askNext();
  }

  async close(): Promise<void> {
    this.#jobs = [];
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #askNext(): void {
    const [next] = this.#jobs;
    if (next === undefined) return;
    this.#worker ??= this.#start();
    this.#timer = systemTimers.after(MAX_JOB_MS, () => this.#giveUp('compiling it took too long'));
    this.#worker.postMessage({ id: next.id, job: next.job } satisfies WorkerQuestion);
  }

  #start(): Worker {
    const worker = new Worker(pathToFileURL(ownFile(WORKER_FILE)), {
      workerData: { folder: this.#folder },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      execArgv: [],
    });
    worker.on('message', ({ id, result }: WorkerAnswer) => {
      if (this.#worker === worker && this.#jobs[0]?.id === id) this.#finish(result);
    });
    worker.on('error', (error) => {
      if (this.#worker === worker) this.#giveUp(`the compiler failed: ${error.message}`);
    });
    worker.unref();
    return worker;
  }

  /** The thread is of no more use; the next job gets another. */
  #giveUp(failure: string): void {
    const worker = this.#worker;
    this.#worker = null;
    void worker?.terminate();
    this.#finish({ failure });
  }

  #finish(result: CompileResult): void {
    this.#timer?.cancel();
    this.#jobs.shift()?.done(result);
    this.#askNext();
  }
}
