/**
 * A worker thread: tokenizes, detokenizes and renders chat templates for an API server, one job at a time. Each
 * exported function is one kind of job. It loads the tokenizer when a job first needs it.
 */
import { workerData } from 'node:worker_threads';
import { toApiError } from '../../llm/errors.ts';
import { loadTokenizer } from '../../tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { ChatTemplates } from '../chat/template.ts';
import type { JobAnswer, Jobs, WorkerSettings } from './jobs.ts';

class TextWorker {
  readonly #settings: WorkerSettings;
  readonly #chatTemplates = new ChatTemplates();
  #tokenizer: Promise<Tokenizer> | null = null;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  tokenizer(): Promise<Tokenizer> {
    this.#tokenizer ??= loadTokenizer({ folder: this.#settings.tokenizerFolder });
    return this.#tokenizer;
  }

  get chatTemplates(): ChatTemplates {
    return this.#chatTemplates;
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
  return answer(() =>
    texts.map((text) => Int32Array.from(tokenizer.encode(text, { addSpecialTokens }))),
  );
};

export const decode: Work<'decode'> = async ({ lists, skipSpecialTokens }) => {
  const tokenizer = await worker.tokenizer();
  return answer(() => lists.map((ids) => tokenizer.decode(Array.from(ids), { skipSpecialTokens })));
};

export const inspectTemplate: Work<'inspectTemplate'> = async ({ source }) =>
  answer(() => {
    const { contentFormat, supportsDeveloperRole } = worker.chatTemplates.get(source);
    return { contentFormat, supportsDeveloperRole };
  });

export const renderTemplate: Work<'renderTemplate'> = async ({ source, conversation, options }) =>
  answer(() => worker.chatTemplates.get(source).render(conversation, options));

function answer<Result>(work: () => Result): JobAnswer<Result> {
  try {
    return { ok: true, result: work() };
  } catch (error) {
    return { ok: false, info: toApiError(error).info };
  }
}
