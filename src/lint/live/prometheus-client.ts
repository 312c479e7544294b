/** Asks a Prometheus, or what speaks as one: Thanos, Mimir, VictoriaMetrics. */

export type LiveAnswer =
  | { readonly kind: 'series'; readonly count: number }
  /** It understood the question and refuses it. */
  | { readonly kind: 'refused'; readonly message: string };

export class PrometheusUnreachable extends Error {}

const TIMEOUT_MS = 30_000;
/** Of an error, in what is told of it. */
const SHOWN_CHARACTERS = 300;

export class PrometheusClient {
  /** Without what is secret in it. */
  readonly name: string;
  readonly #query: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #time: number | null;

  /** `url`: with a path where it has one before `/api/v1`; `time`: seconds since 1970, null for now. */
  constructor(url: URL, time: number | null) {
    const { username, password } = url;
    const base = new URL(url);
    base.username = '';
    base.password = '';
    base.search = '';
    base.hash = '';
    this.name = base.href.replace(/\/$/, '');
    this.#query = `${this.name.replace(/\/api\/v1(\/query)?$/, '')}/api/v1/query`;
    this.#time = time;
    const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(username + password === ''
        ? {}
        : { authorization: `Basic ${Buffer.from(secret).toString('base64')}` }),
    };
  }

  /** Throws PrometheusUnreachable where nothing answers as a Prometheus does. */
  async ask(query: string): Promise<LiveAnswer> {
    const body = new URLSearchParams({
      query,
      ...(this.#time === null ? {} : { time: String(this.#time) }),
    });
    const { status, text } = await this.#post(body.toString());
    const answer = answerOf(text);
    if (answer === null)
      throw new PrometheusUnreachable(
        `${this.name}: answers HTTP ${status}, and not as a Prometheus does${wordsOf(text)}`,
      );
    if (answer.status === 'success') return { kind: 'series', count: countOf(answer.data) };
    const message = String(answer.error ?? `HTTP ${status}`).slice(0, SHOWN_CHARACTERS);
    return { kind: 'refused', message };
  }

  async #post(body: string): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(this.#query, {
        method: 'POST',
        headers: this.#headers,
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      throw new PrometheusUnreachable(`${this.name}: cannot be asked (${reason(cause)})`, {
        cause,
      });
    }
  }
}

interface Answer {
  readonly status: string;
  readonly data?: unknown;
  readonly error?: unknown;
}

function answerOf(text: string): Answer | null {
  try {
    const answer = JSON.parse(text) as Partial<Answer> | null;
    if (answer?.status === 'success' || answer?.status === 'error') return answer as Answer;
  } catch {
    // Not JSON: said by the caller.
  }
  return null;
}

/** A scalar and a string are something. */
function countOf(data: unknown): number {
  const { resultType, result } = (data ?? {}) as { resultType?: unknown; result?: unknown };
  if (resultType === 'scalar' || resultType === 'string') return 1;
  return Array.isArray(result) ? result.length : 0;
}

const wordsOf = (text: string): string => {
  const words = text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 80);
  return words === '' ? '' : `: ${words}`;
};

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `nothing within ${TIMEOUT_MS / 1000} s`;
  const deeper = cause.cause;
  const code = deeper instanceof Error && 'code' in deeper ? deeper.code : undefined;
  return code === undefined ? cause.message : String(code);
}
