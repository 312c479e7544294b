/**
 * Long work on text, off the event loop: tokenizing, detokenizing and rendering that would keep every other client
 * waiting. It goes to a thread, which starts with the first such work. Templates that requests bring are rendered in a
 * process of their own: one that never ends holds up no prompt, one that eats memory takes no server along.
 * Source: vllm/renderers/base.py BaseRenderer._executor (0.33.0).
 */
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../../../shared/errors.ts';
import { ownFile } from '../../../shared/own-files.ts';
import { type ApiError, internalError, validationError } from '../../llm/errors.ts';
import type { WorkerModule } from './job-runner.ts';
import type { RenderJob, TemplateTraits, TokenizeJob } from './jobs.ts';
import { ProcessRunner, WorkerEndedError } from './process-runner.ts';
import { ThreadRunner } from './thread-runner.ts';
import { type Departure, WorkerLane } from './worker-lane.ts';

export interface TextWorkersOptions {
  /** As for loadTokenizer. */
  readonly tokenizerFolder: string | null;
  /** VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT; 0 or less: no limit. */
  readonly renderTimeoutSeconds: number;
  /** Other modules than the built ones. */
  readonly modules?: WorkerModules;
}

/** Characters that are tokenized or rendered in the turn they came in: a few milliseconds of work. */
export const MAX_INLINE_CHARS = 8192;
/** Token ids that are detokenized in the turn they came in. */
export const MAX_INLINE_TOKENS = 16_384;

/** vLLM's default of `--renderer-num-workers`. */
const NUM_THREADS = 1;
/** Jobs that wait or run in a lane. */
const MAX_QUEUED_JOBS = 1024;
/** Characters that wait or run in a lane: four of the largest bodies. */
const MAX_QUEUED_CHARS = 256 * 1024 * 1024;
/** A text of the largest body needs about a gigabyte while it is tokenized. */
const MAX_TOKENIZER_HEAP_MB = 2048;
const MAX_TEMPLATE_HEAP_MB = 256;
/** A request has no longer to arrive either. */
const MAX_TOKENIZE_MS = 300_000;

export interface WorkerModules {
  /** A worker thread: text-worker. */
  readonly texts: WorkerModule;
  /** A process: template-process. */
  readonly templates: WorkerModule;
}

const BUILT_MODULES: WorkerModules = {
  texts: { url: pathToFileURL(ownFile('frontend/openai/workers/text-worker.js')), execArgv: [] },
  templates: {
    url: pathToFileURL(ownFile('frontend/openai/workers/template-process.js')),
    execArgv: [],
  },
};

export class TextWorkers {
  readonly #renderTimeoutSeconds: number;
  readonly #texts: WorkerLane;
  readonly #requestTemplates: WorkerLane;

  constructor({ tokenizerFolder, renderTimeoutSeconds, modules }: TextWorkersOptions) {
    const { texts, templates } = modules ?? BUILT_MODULES;
    const limits = { maxJobs: MAX_QUEUED_JOBS, maxChars: MAX_QUEUED_CHARS };
    this.#renderTimeoutSeconds = renderTimeoutSeconds;
    this.#texts = new WorkerLane({
      ...limits,
      runner: new ThreadRunner({
        module: texts,
        settings: { tokenizerFolder },
        numThreads: NUM_THREADS,
        maxHeapMb: MAX_TOKENIZER_HEAP_MB,
      }),
      failure: textFailure,
    });
    this.#requestTemplates = new WorkerLane({
      ...limits,
      runner: new ProcessRunner({ module: templates, maxHeapMb: MAX_TEMPLATE_HEAP_MB }),
      failure: templateFailure,
    });
  }

  /** The ids of each text. Rejects with ApiError. */
  async encode(
    texts: readonly string[],
    { addSpecialTokens }: { readonly addSpecialTokens: boolean },
    departure: Departure | null,
  ): Promise<readonly (readonly number[])[]> {
    const limits = tokenizeLimits(totalLength(texts), departure);
    const ids = await this.#texts.run('encode', { texts, addSpecialTokens }, limits);
    return ids.map((ofText) => Array.from(ofText));
  }

  /** The JSON that /tokenize answers. Rejects with ApiError. */
  async answerTokenize(job: TokenizeJob, departure: Departure | null): Promise<Uint8Array> {
    return this.#texts.run('answerTokenize', job, tokenizeLimits(job.text.length, departure));
  }

  /** The text of each list of ids. Rejects with ApiError. */
  async decode(
    lists: readonly (readonly number[])[],
    { skipSpecialTokens }: { readonly skipSpecialTokens: boolean },
    departure: Departure | null,
  ): Promise<readonly string[]> {
    const job = { lists: lists.map((ids) => Float64Array.from(ids)), skipSpecialTokens };
    const size = lists.reduce((sum, ids) => sum + ids.length, 0);
    return this.#texts.run('decode', job, tokenizeLimits(size, departure));
  }

  /** Of a template that came with a request. Rejects with ApiError. */
  async inspectTemplate(source: string, departure: Departure | null): Promise<TemplateTraits> {
    const limits = this.#renderLimits(source.length, departure);
    return this.#requestTemplates.run('inspectTemplate', { source }, limits);
  }

  /** `isFromRequest`: the template is a stranger's. Rejects with ApiError. */
  async renderTemplate(
    job: RenderJob,
    { isFromRequest, size }: { readonly isFromRequest: boolean; readonly size: number },
    departure: Departure | null,
  ): Promise<string> {
    const lane = isFromRequest ? this.#requestTemplates : this.#texts;
    return lane.run('renderTemplate', job, this.#renderLimits(size, departure));
  }

  #renderLimits(size: number, departure: Departure | null) {
    const seconds = this.#renderTimeoutSeconds;
    return {
      size,
      timeoutMs: seconds > 0 ? seconds * 1000 : null,
      onTimeout: () =>
        internalError(
          `Chat template rendering timed out after ${pythonSeconds(seconds)}s. This may indicate a malicious or ` +
            'excessively complex template. Adjust VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT to override.',
        ),
      departure,
    };
  }

  /** Ends what runs and every thread. */
  async close(): Promise<void> {
    await Promise.all([this.#texts.close(), this.#requestTemplates.close()]);
  }
}

export function totalLength(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function tokenizeLimits(size: number, departure: Departure | null) {
  return {
    size,
    timeoutMs: MAX_TOKENIZE_MS,
    onTimeout: () =>
      internalError(
        `Tokenizing ${size} characters took longer than ${MAX_TOKENIZE_MS / 1000} s. Please send shorter texts.`,
      ),
    departure,
  };
}

/** Python writes a float with its fraction. */
function pythonSeconds(seconds: number): string {
  return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
}

function textFailure(error: unknown): ApiError {
  if ((error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return validationError(
      `The text needs more than ${MAX_TOKENIZER_HEAP_MB} MB of memory to be tokenized. Please reduce its length.`,
    );
  }
  return internalError(reasonOf(error));
}

function templateFailure(error: unknown): ApiError {
  return validationError(
    error instanceof WorkerEndedError
      ? `Chat template rendering ended for want of memory: the chat template may use ${MAX_TEMPLATE_HEAP_MB} MB. Please make it render less.`
      : reasonOf(error),
  );
}
