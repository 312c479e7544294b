/** The recorded answers to odd requests, test/golden/http-odd.json, and how an answer of ours is compared with one. */
import { readFileSync } from 'node:fs';
import type { NetConnectOpts } from 'node:net';
import { exchangeRaw, type RawAnswer, type RawExchange } from './raw-http.ts';

type Segment = string | readonly [string, number];

interface RecordedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Null where it is not compared. */
  readonly body: string | null;
}

export interface Outcome {
  readonly answers: readonly RecordedAnswer[];
  readonly closed: boolean;
}

export interface OddCase {
  readonly server: string;
  readonly name: string;
  readonly request: readonly Segment[];
  readonly outcome: Outcome;
}

export interface OddRecording {
  readonly servers: Readonly<Record<string, readonly string[]>>;
  readonly cases: readonly OddCase[];
}

export function loadHttpOdd(): OddRecording {
  const path = new URL('../golden/http-odd.json', import.meta.url);
  const { servers, outcomes, cases } = JSON.parse(readFileSync(path, 'utf8')) as {
    servers: Record<string, string[]>;
    outcomes: Outcome[];
    cases: (Omit<OddCase, 'outcome'> & { outcome: number })[];
  };
  return {
    servers,
    cases: cases.map((odd) => ({ ...odd, outcome: outcomes[odd.outcome] as Outcome })),
  };
}

export function bytesOf(request: readonly Segment[]): Buffer {
  return Buffer.concat(
    request.map((part) =>
      typeof part === 'string'
        ? Buffer.from(part, 'latin1')
        : Buffer.from(part[0].repeat(part[1]), 'latin1'),
    ),
  );
}

/** Where nothing is answered, this long is waited for something. */
const SILENCE_MS = 300;
const ANSWER_TIMEOUT_MS = 15_000;

export async function replay(to: NetConnectOpts, odd: OddCase): Promise<RawExchange> {
  const { answers, closed } = odd.outcome;
  const isSilent = answers.length === 0 && !closed;
  return exchangeRaw(to, bytesOf(odd.request), {
    answers: answers.length,
    untilClosed: closed,
    timeoutMs: isSilent ? SILENCE_MS : ANSWER_TIMEOUT_MS,
    isHead: isHead(odd),
  });
}

/** What differs, in words; null where nothing does. */
export function differenceOf(odd: OddCase, exchange: RawExchange): string | null {
  const outcome = isHead(odd) ? withoutFraming(odd.outcome) : odd.outcome;
  const expected = outcome.answers.map(describeRecorded);
  const actual = exchange.answers.map((answer, i) => describeOurs(answer, outcome.answers[i]));
  const wanted = `${expected.join('\n')}${outcome.closed ? '\nclosed' : ''}`;
  const got = `${actual.join('\n')}${exchange.closed ? '\nclosed' : ''}`;
  return wanted === got ? null : `vLLM: ${wanted}\nours: ${got}`;
}

function isHead({ request: [first] }: OddCase): boolean {
  return typeof first === 'string' && first.startsWith('HEAD ');
}

/** The length of what is not sent is the framework's to tell or not. */
function withoutFraming(outcome: Outcome): Outcome {
  return {
    ...outcome,
    answers: outcome.answers.map((answer) => ({
      ...answer,
      headers: Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => !FRAMING.has(name)),
      ),
      body: null,
    })),
  };
}

function describeRecorded({ status, headers, body }: RecordedAnswer): string {
  const entries = Object.entries(headers).map(([name, value]) => [name, sorted(name, value)]);
  return `${status} ${JSON.stringify(Object.fromEntries(entries))} ${body ?? ''}`;
}

/** Starlette keeps a route's methods in a set: their order is chance. */
function sorted(name: string, value: string): string {
  return name === 'allow' ? value.split(', ').sort().join(', ') : value;
}

/** With the headers that the recording has kept; a connection that stays is not told by vLLM. */
function describeOurs(
  { status, headers, body }: RawAnswer,
  recorded: RecordedAnswer | undefined,
): string {
  const kept: Record<string, string> = {};
  const isFramingOurs =
    recorded?.body === null || recorded?.headers['transfer-encoding'] === 'chunked';
  for (const name of Object.keys(headers).sort()) {
    const value = headers[name] ?? '';
    if (!KEPT_HEADERS.test(name) || (name === 'connection' && value === 'keep-alive')) continue;
    // How the length is told is the framework's choice where the body is our own.
    if (isFramingOurs && FRAMING.has(name)) continue;
    kept[name] =
      name === 'x-request-id' && recorded?.headers[name] === '*'
        ? '*'
        : sorted(name, value).replace(/127\.0\.0\.1:\d+/, '127.0.0.1:PORT');
  }
  if (isFramingOurs) {
    for (const name of FRAMING) {
      const value = recorded.headers[name];
      if (value !== undefined) kept[name] = value;
    }
  }
  const inOrder = Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${status} ${JSON.stringify(inOrder)} ${recorded?.body === null ? '' : body}`;
}

const FRAMING = new Set(['content-length', 'transfer-encoding']);
const KEPT_HEADERS =
  /^(content-type|content-length|transfer-encoding|connection|allow|location|vary|x-request-id|upgrade|www-authenticate|access-control-.*)$/;
