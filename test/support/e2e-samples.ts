/** Sends a recorded request again and makes both answers comparable: ids, times, fingerprints and logprob values aside. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { samplesByKey } from './exposition.ts';
import { describeFirstDifference } from './first-difference.ts';

export interface Sample {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly request_headers?: Readonly<Record<string, string>>;
  readonly request_body?: unknown;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** All of them, in the order in which they were recorded, and the three servers that answered. */
export function readSamples(): Readonly<Record<'living' | 'dying' | 'kept', readonly Sample[]>> {
  const url = new URL('../golden/e2e/samples.json', import.meta.url);
  const { samples } = JSON.parse(readFileSync(url, 'utf8')) as { samples: readonly Sample[] };
  const firstCrash = samples.findIndex(({ name }) => name === 'crash');
  const firstKept = samples.findIndex(({ name }) => name === 'keep-alive-crash');
  return {
    living: samples.slice(0, firstCrash),
    // One record has no request: it tells how the server ends.
    dying: samples.slice(firstCrash, firstKept).filter(({ method }) => method !== undefined),
    kept: samples.slice(firstKept),
  };
}

export interface SampleAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly allow: string | null;
  readonly requestId: string | null;
  readonly body: string;
}

export function sendSample(base: string, sample: Sample): Promise<SampleAnswer> {
  const { method = 'GET', path = '/', request_body: body } = sample;
  const hasBody = method === 'POST' && body !== null && body !== undefined;
  const headers = {
    ...(hasBody ? { 'content-type': 'application/json' } : {}),
    ...sample.request_headers,
    connection: 'close',
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${base}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const header = (name: string) => {
          const value = response.headers[name];
          return typeof value === 'string' ? value : null;
        };
        resolve({
          status: response.statusCode ?? 0,
          contentType: header('content-type'),
          allow: header('allow'),
          requestId: header('x-request-id'),
          body: text,
        });
      });
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    if (hasBody) outgoing.write(typeof body === 'string' ? body : JSON.stringify(body));
    outgoing.end();
  });
}

/** Sends it again; each entry of the answer is a difference from the recorded one. */
export async function differencesFromSample(
  base: string,
  sample: Sample,
): Promise<readonly string[]> {
  const answer = await sendSample(base, sample);
  const { status, headers = {}, body = '' } = sample;
  const heads: readonly (readonly [string, unknown, unknown])[] = [
    ['status', answer.status, status],
    ['content-type', answer.contentType, headers['content-type'] ?? null],
    ['allow', answer.allow, headers['allow'] ?? null],
  ];
  const differences = heads
    .filter(([, actual, expected]) => actual !== expected)
    .map(([name, actual, expected]) => `${name} is ${actual}, ${expected} is expected`);
  if (sample.path === '/metrics') return [...differences, ...differingMetrics(answer.body, body)];
  const inBody = describeFirstDifference(
    parseSample(answer.body, sample),
    parseSample(body, sample),
  );
  return inBody === null ? differences : [...differences, inBody];
}

const RANDOM_ID = /^(cmpl|chatcmpl|resp|msg|modelperm)[-_][0-9a-f]{16}$/;
const SYSTEM_INFO = /^\{"vllm_config"/;

/** The answer as data; a stream becomes its events, those of each choice apart. */
export function parseSample(body: string, { path }: Sample): unknown {
  if (path?.startsWith('/server_info') === true) {
    // The recording cuts the text off: only that the key comes first can be compared.
    return SYSTEM_INFO.test(body);
  }
  if (body.startsWith('data: ')) return groupByChoice(body);
  if (body === '') return '';
  return normalize(JSON.parse(body), '');
}

function groupByChoice(body: string): unknown {
  const groups: Record<string, unknown[]> = {};
  const events = body.split('\n\n');
  const last = events.pop();
  const order: string[] = [];
  for (const event of events) {
    const data = event.slice('data: '.length);
    const parsed: unknown = data === '[DONE]' ? data : normalize(JSON.parse(data), '');
    const choices = (parsed as { choices?: readonly { index: number }[] }).choices;
    const key = choices?.[0] === undefined ? 'whole' : `choice ${choices[0].index}`;
    groups[key] ??= [];
    groups[key].push(parsed);
    order.push(key);
  }
  return { groups, last, endsWith: order.slice(-1) };
}

function normalize(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => normalize(item, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        key === 'top_logprobs' && typeof item === 'number' ? 'a logprob' : normalize(item, name),
      ]),
    );
  }
  if (key === 'id' && typeof value === 'string' && RANDOM_ID.test(value)) {
    return value.replace(/[0-9a-f]{16}$/, 'random');
  }
  if ((key === 'created' || key === 'created_at') && typeof value === 'number') return 'a time';
  if (key === 'system_fingerprint' && typeof value === 'string') return 'a fingerprint';
  if ((key === 'logprob' || key === 'token_logprobs') && typeof value === 'number')
    return 'a logprob';
  return value;
}

/** Every sample that `actual` lacks or has otherwise, creation times aside; `expected` is a part of a /metrics body. */
export function differingMetrics(actual: string, expected: string): readonly string[] {
  const known = samplesByKey(actual);
  const lines = expected
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/^\w+:\w+_created/.test(line));
  const wanted = samplesByKey(`# HELP any any\n# TYPE any gauge\n${lines.join('\n')}`);
  return [...wanted]
    .filter(([key, value]) => known.get(key) !== value)
    .map(([key, value]) => `${key} is ${known.get(key)}, ${value} is expected`);
}
