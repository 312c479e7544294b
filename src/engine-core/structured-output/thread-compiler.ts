/** Compiles on a worker thread, which starts with the first job: a tokenizer takes seconds to load, and steps go on. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ownFile } from '../../shared/own-files.ts';
import { systemTimers, type Timer } from '../../shared/timers.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompileResult, CompileTask, GrammarCompiler } from './grammar-compiler.ts';

export interface WorkerQuestion {
  readonly id: number;
  readonly job: CompileJob;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly result: CompileResult;
}

/** Once, as soon as its tokenizer is there. */
export interface WorkerReady {
  readonly isReady: true;
}

interface Waiting {
  readonly id: number;
  readonly task: CompileTask;
  readonly done: (result: CompileResult) => void;
}

const WORKER_FILE = 'engine-core/structured-output/grammar-worker.js';
/** A vocabulary of 150,000 tokens loads in a few seconds. */
const MAX_LOAD_MS = 60_000;
/** Others wait meanwhile. What a text may cost is bounded (Effort), so that this is for what nobody thought of. */
const MAX_JOB_MS = 15_000;
const TOO_LONG = 'compiling it took too long';
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

  compile(task: CompileTask, done: (result: CompileResult) => void): void {
    if (this.#jobs.length >= MAX_JOBS) this.#dropAbandoned();
    if (this.#jobs.length >= MAX_JOBS) {
      setImmediate(done, { failure: `${MAX_JOBS} grammars wait to be compiled already` });
      return;
    }
    this.#lastId += 1;
    this.#jobs.push({ id: this.#lastId, task, done });
    if (this.#jobs.length === 1) this.#askNext();
  }

  async close(): Promise<void> {
    this.#jobs = [];
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  /** But for the first, which is being worked at. */
  #dropAbandoned(): void {
    this.#jobs = this.#jobs.filter(({ task }, index) => index === 0 || !task.isAbandoned);
  }

  #askNext(): void {
    if (this.#jobs[0]?.task.isAbandoned === true) {
      this.#jobs = this.#jobs.filter(({ task }) => !task.isAbandoned);
    }
    const [next] = this.#jobs;
    if (next === undefined) return;
    this.#limit(this.#worker === null ? MAX_LOAD_MS : MAX_JOB_MS);
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id: next.id, job: next.task.job } satisfies WorkerQuestion);
  }

  #limit(ms: number): void {
    this.#timer?.cancel();
    this.#timer = systemTimers.after(ms, () => this.#giveUp(TOO_LONG));
  }

  #start(): Worker {
    const worker = new Worker(pathToFileURL(ownFile(WORKER_FILE)), {
      workerData: { folder: this.#folder },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      execArgv: [],
    });
    worker.on('message', (message: WorkerAnswer | WorkerReady) => {
      if (this.#worker !== worker) return;
      if ('isReady' in message) this.#limit(MAX_JOB_MS);
      else if (this.#jobs[0]?.id === message.id) this.#finish(message.result);
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
