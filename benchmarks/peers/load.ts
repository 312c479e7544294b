/** What a load client is asked to do, and what it then says. */

export interface LoadRequest {
  readonly path: string;
  /** Empty: a GET. */
  readonly body: string;
}

export interface Load {
  readonly url: string;
  /** What a connection sends in turn, over and over. */
  readonly requests: readonly LoadRequest[];
  /** Requests under way at a time, each on a connection of its own. */
  readonly concurrency: number;
  /** No request begins after this; those under way are read to their end. */
  readonly seconds: number;
}

export interface LoadResult {
  /** Answers read to their end. */
  readonly requests: number;
  /** Streamed events, [DONE] not counted. */
  readonly events: number;
  /** Bytes of the answers, headers and chunk sizes included. */
  readonly bytes: number;
  readonly seconds: number;
}

/** The completion that most rows send, over and over. */
export interface CompletionShape {
  readonly maxTokens: number;
  readonly stream: boolean;
}

const PROMPT_TOKENS = 16;
/** Whole words: bytes of half a letter would be part of the answer. */
const FIRST_PROMPT_TOKEN = 300;

/** Token ids, so that nobody's tokenizer is measured; they fill no block whole but one, so that no prefix is hit. */
export function completion({ maxTokens, stream }: CompletionShape): LoadRequest {
  const body = JSON.stringify({
    model: 'tiny',
    prompt: Array.from({ length: PROMPT_TOKENS }, (_, index) => FIRST_PROMPT_TOKEN + index),
    max_tokens: maxTokens,
    ignore_eos: true,
    stream,
  });
  return { path: '/v1/completions', body };
}

export const SCRAPE: LoadRequest = { path: '/metrics', body: '' };
