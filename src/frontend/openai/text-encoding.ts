/**
 * Texts to token ids and back: what is short in this turn, what is long on a worker. Limits and refusals are the same.
 * Source: vllm/renderers/base.py _tokenize_prompt, _decode (0.33.0).
 */
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import { type Later, whenHere } from './later.ts';
import { tokenizeAnswer } from './tokenize/answer.ts';
import { checkTextLength, limitTextIds, type TokenizeParams } from './tokenize/params.ts';
import type { TokenizeJob } from './workers/jobs.ts';
import {
  MAX_INLINE_CHARS,
  MAX_INLINE_TOKENS,
  type TextWorkers,
  totalLength,
} from './workers/text-workers.ts';
import type { Departure } from './workers/worker-lane.ts';

export interface TextEncodingOptions {
  readonly tokenizer: Tokenizer;
  /** Null: everything is done at once. */
  readonly workers: TextWorkers | null;
}

const AS_SPELLED = { skipSpecialTokens: false } as const;

export class TextEncoding {
  readonly #tokenizer: Tokenizer;
  readonly #workers: TextWorkers | null;

  constructor({ tokenizer, workers }: TextEncodingOptions) {
    this.#tokenizer = tokenizer;
    this.#workers = workers;
  }

  /** The ids of each text. A text too long for any prompt is refused before one is tokenized. Throws ApiError. */
  tokenize(
    texts: readonly string[],
    params: TokenizeParams,
    departure: Departure | null,
  ): Later<readonly (readonly number[])[]> {
    const tokenizer = this.#tokenizer;
    const checked = texts.map((text) => checkTextLength(tokenizer, text, params));
    const isLong = this.#workers !== null && totalLength(checked) > MAX_INLINE_CHARS;
    const { addSpecialTokens } = params;
    const encoded = isLong
      ? this.#workers.encode(checked, { addSpecialTokens }, departure)
      : checked.map((text) => tokenizer.encode(text, { addSpecialTokens }));
    return whenHere(encoded, (all) => all.map((ids) => limitTextIds(tokenizer, ids, params)));
  }

  /** The JSON that /tokenize answers, as bytes where a worker wrote it. No limit but memory holds there. */
  answerTokenize(job: TokenizeJob, departure: Departure | null): Later<string | Uint8Array> {
    const workers = this.#workers;
    if (workers !== null && job.text.length > MAX_INLINE_CHARS) {
      return workers.answerTokenize(job, departure);
    }
    return tokenizeAnswer(this.#tokenizer, this.#tokenizer.encode(job.text, job), job);
  }

  /** The text of each list of ids. */
  detokenize(
    lists: readonly (readonly number[])[],
    departure: Departure | null,
  ): Later<readonly string[]> {
    const workers = this.#workers;
    const numIds = lists.reduce((sum, ids) => sum + ids.length, 0);
    if (workers === null || numIds <= MAX_INLINE_TOKENS) {
      return lists.map((ids) => this.#tokenizer.decode(ids, AS_SPELLED));
    }
    return workers.decode(lists, AS_SPELLED, departure);
  }
}
