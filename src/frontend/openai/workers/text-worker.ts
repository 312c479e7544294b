/**
 * A worker thread: tokenizes, detokenizes and renders for an API server, one job at a time. Each exported function is
 * one kind of job. It loads the tokenizer when a job first needs it.
 */
import { workerData } from 'node:worker_threads';
import { loadTokenizer } from '../../../shared/tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import { ChatTemplates } from '../chat/template.ts';
import { tokenizeAnswer } from '../tokenize/answer.ts';
import type { JobAnswer, Jobs, WorkerSettings } from './jobs.ts';
import { answerOf, render } from './template-work.ts';

class TextWorker {
  readonly chatTemplates = new ChatTemplates();
  readonly #settings: WorkerSettings;
  #tokenizer: Promise<Tokenizer> | null = null;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  tokenizer(): Promise<Tokenizer> {
    this.#tokenizer ??= loadTokenizer({ folder: this.#settings.tokenizerFolder });
    return this.#tokenizer;
  }
}

// The pool's library puts its own entry in front of what it was given.
const [, settings] = workerData as readonly [unknown, WorkerSettings];
const worker = new TextWorker(settings);

type Work<Name extends keyof Jobs> = (
  job: Jobs[Name]['job'],
) => Promise<JobAnswer<Jobs[Name]['result']>>;

export const encode: Work<'encode'> = async ({ texts, addSpecialTokens }) => {
  const tokenizer = await worker.tokenizer();
  return answerOf(() =>
    texts.map((text) => Int32Array.from(tokenizer.encode(text, { addSpecialTokens }))),
  );
};

export const answerTokenize: Work<'answerTokenize'> = async (job) => {
  const tokenizer = await worker.tokenizer();
  return answerOf(() =>
    new TextEncoder().encode(tokenizeAnswer(tokenizer, tokenizer.encode(job.text, job), job)),
  );
};

export const decode: Work<'decode'> = async ({ lists, skipSpecialTokens }) => {
  const tokenizer = await worker.tokenizer();
  return answerOf(() =>
    lists.map((ids) => tokenizer.decode(Array.from(ids), { skipSpecialTokens })),
  );
};

export const renderTemplate: Work<'renderTemplate'> = async (job) =>
  answerOf(() => render(worker.chatTemplates, job));
