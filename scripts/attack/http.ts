/**
 * Hostile HTTP: seeded mutations of requests, as raw bytes and as JSON bodies, against a twin of its own for a bounded
 * time. It must answer /health afterwards, give no 5xx but those that vLLM gives too, and leave nothing running.
 *
 *     npx tsx scripts/attack/http.ts [SEED] [SECONDS]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface AttackOptions {
  readonly seed: number;
  readonly seconds: number;
}

export interface AttackReport {
  readonly name: string;
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

const MAIN = fileURLToPath(new URL('../../bin/vllm-twin.cjs', import.meta.url));
const MODEL = fileURLToPath(new URL('../../test/golden/tinymodel', import.meta.url));
const START_MS = 60_000;
const ANSWER_MS = 2_000;
const STOP_MS = 20_000;
const NUM_CONNECTIONS = 8;
const MAX_FAILURES = 20;
/** A text that cannot be written for the engines: vLLM answers 500 with an empty message. */
const KNOWN_FAULT = '"message":"","type":"InternalServerError"';

const TARGETS = [
  '/v1/completions',
  '/v1/chat/completions',
  '/tokenize',
  '/detokenize',
  '/v1/responses',
  '/v1/models',
  '/health',
  '/metrics',
  '/version',
  '/%76%31/models',
  '//x',
  '/%zz',
  '*',
];
const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'TRACE', 'CONNECT', 'get', 'PRI'];
const HEADERS = [
  'Content-Length: -1',
  'Transfer-Encoding: chunked',
  'Expect: 100-continue',
  'Connection: Upgrade\r\nUpgrade: h2c',
  'Connection: Upgrade\r\nUpgrade: websocket',
  'Host:',
  'X: \u0000',
  'X:\r\n folded',
  'Content-Type: text/plain',
  'X-Request-Id: \u00ff',
  'X-data-parallel-rank: 99',
  'X-vLLM-Priority: 99999999999999999999',
  'Content-Encoding: gzip',
];
const VALUES = [
  'null',
  'true',
  '-1',
  '0',
  '1',
  '1e999',
  'NaN',
  '9007199254740993',
  '99999999999999999999',
  '"\\ud800"',
  '""',
  '[]',
  '{}',
  '[[1,2],[3]]',
  '["a","b"]',
  '[1,2,3]',
  '"x"',
  '{"a":"\\udc00"}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
  '9'.repeat(5000),
];
const FIELDS = [
  'prompt',
  'model',
  'messages',
  'max_tokens',
  'n',
  'seed',
  'stop',
  'stream',
  'stream_options',
  'logprobs',
  'logit_bias',
  'temperature',
  'top_p',
  'top_k',
  'min_tokens',
  'priority',
  'request_id',
  'cache_salt',
  'vllm_xargs',
  'tools',
  'tool_choice',
  'response_format',
  'echo',
  'suffix',
  'user',
  'bad_words',
  'stop_token_ids',
  'allowed_token_ids',
  'prompt_logprobs',
  'tokens',
  'input',
  'chat_template',
  'truncate_prompt_tokens',
  '__proto__',
];

/** Throws when the twin does not start; everything else is in the report's failures. */
export async function run({ seed, seconds }: AttackOptions): Promise<AttackReport> {
  const twin = spawn(
    process.execPath,
    [
      MAIN,
      'serve',
      MODEL,
      '--served-model-name',
      'tiny',
      '--port',
      '0',
      '--max-model-len',
      '1024',
      '--num-gpu-blocks-override',
      '1025',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  twin.stderr?.resume();
  const report = {
    name: 'http',
    requests: 0,
    statuses: {} as Record<string, number>,
    failures: [] as string[],
  };
  const fail = (text: string) => {
    if (report.failures.length < MAX_FAILURES) report.failures.push(text);
  };
  try {
    const port = await portOf(twin);
    const prng = new Prng(seed);
    const end = Date.now() + seconds * 1000;
    const attack = async (): Promise<void> => {
      while (Date.now() < end && twin.exitCode === null) {
        const bytes = mutate(prng);
        const answer = await exchange(port, bytes);
        report.requests += 1;
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'none';
        report.statuses[status] = (report.statuses[status] ?? 0) + 1;
        if (status.startsWith('5') && !answer.includes(KNOWN_FAULT)) {
          fail(
            `${status} to ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}: ${answer.slice(-300)}`,
          );
        }
      }
    };
    await Promise.all(Array.from({ length: NUM_CONNECTIONS }, attack));
    const health = await exchange(
      port,
      Buffer.from('GET /health HTTP/1.1\r\nConnection: close\r\n\r\n'),
    );
    if (!health.startsWith('HTTP/1.1 200')) fail(`/health afterwards: ${health.slice(0, 100)}`);
    if (twin.exitCode !== null) fail(`the twin ended with ${twin.exitCode}`);
  } finally {
    const code = await stop(twin);
    if (code !== 0) fail(`SIGTERM afterwards: exit code ${code}`);
  }
  return report;
}

/** The same numbers for the same seed (mulberry32). */
class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

function portOf(twin: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the twin did not start')), START_MS);
    let text = '';
    twin.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const match = /http:\/\/[^:]+:(\d+)/.exec(text);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    });
    twin.once('exit', (code) => reject(new Error(`the twin ended with ${code}`)));
  });
}

function stop(twin: ChildProcess): Promise<number | null> {
  if (twin.exitCode !== null || twin.signalCode !== null) return Promise.resolve(twin.exitCode);
  return new Promise((resolve) => {
    const timer = setTimeout(() => twin.kill('SIGKILL'), STOP_MS);
    twin.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    twin.kill('SIGTERM');
  });
}

/** What came within the deadline, up to the end of the connection or of the first whole answer. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, ANSWER_MS);
    socket.on('data', (part) => {
      text += part.toString('latin1');
      if (isWhole(text)) end();
    });
    socket.on('close', end);
    socket.on('error', end);
    socket.write(bytes);
  });
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return false;
  if (text.includes('transfer-encoding: chunked') || text.includes('Transfer-Encoding: chunked'))
    return text.endsWith('0\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(text.slice(0, head));
  return length !== null && text.length >= head + 4 + Number(length[1]);
}

function mutate(prng: Prng): Buffer {
  const kind = prng.below(4);
  if (kind === 0) return damaged(prng, jsonRequest(prng));
  if (kind === 1) return oddRequest(prng);
  return jsonRequest(prng);
}

function jsonRequest(prng: Prng): Buffer {
  const fields = [
    '"model":"tiny"',
    '"prompt":"a"',
    '"max_tokens":1',
    '"messages":[{"role":"user","content":"a"}]',
    '"input":"a"',
  ];
  const count = prng.below(4);
  for (let i = 0; i < count; i++) fields.push(`"${prng.pick(FIELDS)}":${prng.pick(VALUES)}`);
  const body = Buffer.from(`{${fields.join(',')}}`);
  const target = prng.pick(TARGETS.slice(0, 5));
  const head = `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function oddRequest(prng: Prng): Buffer {
  const lines = [`${prng.pick(METHODS)} ${prng.pick(TARGETS)} HTTP/1.${prng.below(3)}`];
  for (let i = prng.below(4); i > 0; i--) lines.push(prng.pick(HEADERS));
  return Buffer.from(
    `${lines.join('\r\n')}\r\n\r\n${prng.pick(['', '{}', '2\r\n{}\r\n0\r\n\r\n', '\u0000\u00ff'])}`,
    'latin1',
  );
}

/** Some bytes changed, the length as it was told. */
function damaged(prng: Prng, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 1 + prng.below(4); i > 0; i--) copy[prng.below(copy.length)] = prng.below(256);
  return copy;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , seed = '1', seconds = '10'] = process.argv;
  void run({ seed: Number(seed), seconds: Number(seconds) }).then((report) => {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.failures.length === 0 ? 0 : 1;
  });
}
