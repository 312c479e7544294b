/** What the page takes out of an answer of the completion and chat endpoints, streamed or whole. */

export interface ChunkView {
  readonly id: string | null;
  /** Text of each choice that the chunk has some of. */
  readonly texts: readonly { readonly index: number; readonly text: string }[];
  readonly finishReasons: readonly { readonly index: number; readonly reason: string }[];
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null;
  /** An error that came as an event of the stream. */
  readonly error: string | null;
}

/** Reads what is there, and takes nothing for granted. */
export function readChunk(value: unknown): ChunkView {
  const chunk = asRecord(value);
  const choices = Array.isArray(chunk['choices']) ? chunk['choices'].map(asRecord) : [];
  const usage = asRecord(chunk['usage']);
  const indexOf = (choice: JsonRecord): number =>
    typeof choice['index'] === 'number' ? choice['index'] : 0;
  return {
    id: typeof chunk['id'] === 'string' ? chunk['id'] : null,
    texts: choices
      .map((choice) => ({ index: indexOf(choice), text: textOf(choice) }))
      .filter(({ text }) => text !== ''),
    finishReasons: choices.flatMap((choice) =>
      typeof choice['finish_reason'] === 'string'
        ? [{ index: indexOf(choice), reason: choice['finish_reason'] }]
        : [],
    ),
    usage:
      typeof usage['completion_tokens'] === 'number'
        ? {
            promptTokens: Number(usage['prompt_tokens'] ?? 0),
            completionTokens: usage['completion_tokens'],
          }
        : null,
    error: errorMessage(value),
  };
}

type JsonRecord = Readonly<Record<string, unknown>>;

function asRecord(value: unknown): JsonRecord {
  return typeof value === 'object' && value !== null ? (value as JsonRecord) : {};
}

function textOf(choice: JsonRecord): string {
  if (typeof choice['text'] === 'string') return choice['text'];
  const part = asRecord(choice['delta'] ?? choice['message']);
  return [part['reasoning_content'], part['reasoning'], part['content']]
    .filter((text): text is string => typeof text === 'string')
    .join('');
}

/** `{"error": {"message": …}}`, or vLLM's `{"object": "error", "message": …}`; null for anything else. */
export function errorMessage(value: unknown): string | null {
  const { error, object, message } = asRecord(value);
  const inner = asRecord(error)['message'];
  if (typeof inner === 'string') return inner;
  if (typeof error === 'string') return error;
  return object === 'error' && typeof message === 'string' ? message : null;
}

/** Of a body that may be no JSON at all: its message, else its beginning. */
export function messageOfBody(status: number, body: string): string {
  const MAX_SHOWN = 400;
  try {
    const message = errorMessage(JSON.parse(body));
    if (message !== null) return `${status}: ${message}`;
  } catch {
    // No JSON: shown as it is.
  }
  return `${status}: ${body.slice(0, MAX_SHOWN) || 'no text'}`;
}
