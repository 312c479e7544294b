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
  /** Milliseconds between an answer and the next request; default: none. */
  readonly pauseMs?: number;
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
  /** Default: 16. */
  readonly promptTokens?: number;
  readonly maxTokens: number;
  readonly stream: boolean;
}

const PROMPT_TOKENS = 16;
/** Whole words: bytes of half a letter would be part of the answer. */
const FIRST_PROMPT_TOKEN = 300;

/** Token ids, so that nobody's tokenizer is measured; so few fill one block, and the last block of a prompt is never a hit. */
export function completion(shape: CompletionShape): LoadRequest {
  const { promptTokens = PROMPT_TOKENS, maxTokens, stream } = shape;
  const body = JSON.stringify({
    model: 'tiny',
    prompt: Array.from({ length: promptTokens }, (_, at) => FIRST_PROMPT_TOKEN + (at % 200)),
    max_tokens: maxTokens,
    ignore_eos: true,
    stream,
  });
  return { path: '/v1/completions', body };
}

export const SCRAPE: LoadRequest = { path: '/metrics', body: '' };
