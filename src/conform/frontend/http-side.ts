/** The frontend's HTTP side, asked as a client asks it. Every question has a deadline; no answer is an answer too. */

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Status 0: nobody answered, or not in time; `text` says why. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Completion {
  readonly status: number;
  readonly text: string;
  /** In the order of their index; none where the answer is no completion. */
  readonly choices: readonly Choice[];
  readonly completionTokens: number | null;
}

export interface Choice {
  readonly text: string;
  readonly finishReason: string | null;
  readonly logprobs: unknown;
}

export interface CompletionOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
}

export class HttpSide {
  readonly #url: string;
  readonly #fetch: Fetch;
  /** The name that requests ask for. */
  model: string;

  constructor(options: { readonly url: string; readonly model: string; readonly fetch: Fetch }) {
    this.#url = options.url.replace(/\/+$/, '');
    this.#fetch = options.fetch;
    this.model = options.model;
  }

  get(path: string, timeoutMs: number): Promise<Answer> {
    return this.#ask(path, { signal: AbortSignal.timeout(timeoutMs) });
  }

  async complete(
    body: Readonly<Record<string, unknown>>,
    { headers = {}, signal, timeoutMs }: CompletionOptions,
  ): Promise<Completion> {
    const late = AbortSignal.timeout(timeoutMs);
    const answer = await this.#ask('/v1/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: this.model, prompt: 'Once upon a time', ...body }),
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    });
    return completionOf(answer);
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    try {
      const response = await this.#fetch(this.#url + path, init);
      return { status: response.status, text: await textOf(response) };
    } catch (error) {
      const { message, cause } = error as Error;
      const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
      return { status: 0, text: reason };
    }
  }
}

/** Of an answer; vLLM's /metrics with 64 engines takes less than a tenth. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Throws where it is longer than an answer may be; the connection is closed then. */
export async function textOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let numBytes = 0;
  for await (const part of body ?? []) {
    numBytes += part.byteLength;
    if (numBytes > MAX_BODY_BYTES) throw new Error(`more than ${MAX_BODY_BYTES} bytes came`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

interface RawCompletion {
  readonly choices?: readonly {
    readonly index?: number;
    readonly text?: string;
    readonly finish_reason?: string | null;
    readonly logprobs?: unknown;
  }[];
  readonly usage?: { readonly completion_tokens?: number };
}

function completionOf({ status, text }: Answer): Completion {
  let raw: RawCompletion = {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) raw = value;
  } catch {
    // No JSON has no choices.
  }
  const choices = Array.isArray(raw.choices) ? [...raw.choices] : [];
  choices.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  return {
    status,
    text,
    choices: choices.map((choice) => ({
      text: choice.text ?? '',
      finishReason: choice.finish_reason ?? null,
      logprobs: choice.logprobs ?? null,
    })),
    completionTokens: raw.usage?.completion_tokens ?? null,
  };
}
