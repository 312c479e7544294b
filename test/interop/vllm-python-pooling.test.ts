/**
 * Our headless engine behind the real `vllm serve --runner pooling` in Python, beside our own frontend: each request must
 * be answered alike by both, byte for byte.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
  waitForHealth,
} from '../support/vllm-python.ts';

const python = findVllmPython();
const skipReason = python.path === null ? ` (SKIPPED: ${python.reason})` : '';

const TEXTS = ['hello world', 'a b c d', ''];
const DOCUMENTS = ['the cat sat', 'a dog', 'the cat'];

/** [path, body]; of an embedding model. */
const REQUESTS: readonly (readonly [path: string, body: unknown])[] = [
  ...['float', 'base64', 'bytes', 'bytes_only', 'other'].map(
    (encoding) => ['/v1/embeddings', { input: TEXTS, encoding_format: encoding }] as const,
  ),
  ...['float16', 'bfloat16', 'fp8_e4m3', 'fp8_e5m2', 'int8'].flatMap((dtype) =>
    ['base64', 'bytes'].map(
      (encoding) =>
        [
          '/v1/embeddings',
          { input: TEXTS, encoding_format: encoding, embed_dtype: dtype, endianness: 'big' },
        ] as const,
    ),
  ),
  ...['/v1/embeddings', '/pooling'].flatMap((path) =>
    [
      {},
      { input: [] },
      { input: [5, 6, 7] },
      { input: [[5, 6], [7]] },
      { input: [[]] },
      { input: [999_999] },
      { input: 'word '.repeat(900) },
      { input: 'hello world', model: 'nope' },
      { input: 'hello world', dimensions: 4 },
      { input: 'hello world', truncate_prompt_tokens: 2 },
      { input: 'hello world', truncate_prompt_tokens: 5000 },
      { input: 'hello world', use_activation: false },
      { input: 'hello world', task: 'token_embed' },
      { input: 'hello world', task: 'classify' },
      { input: 'hello world', task: 'score' },
      { messages: [{ role: 'user', content: 'hi there' }] },
      { messages: [] },
    ].map((body) => [path, body] as const),
  ),
  ['/score', { queries: 'the cat', documents: [] }],
  ['/score', { queries: ['a', 'b', 'c'], documents: ['a', 'b'] }],
  ['/score', { queries: 'the cat' }],
  ['/score', { queries: 'the cat', documents: DOCUMENTS, max_tokens_per_query: -1 }],
  ['/score', { text_1: 'the cat', text_2: DOCUMENTS }],
  ['/v1/score', { data_1: DOCUMENTS, data_2: DOCUMENTS }],
  ['/rerank', { query: 'the cat', documents: DOCUMENTS, top_n: 2 }],
  ['/v1/rerank', { query: 'the cat', documents: DOCUMENTS, top_n: -1 }],
  ['/v2/rerank', { query: 'the cat', documents: 'a dog' }],
  ['/classify', { input: 'hello' }],
  ['/v1/completions', { prompt: 'hello' }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
];

describe.skipIf(python.path === null)(
  `Python vllm serve --runner pooling over our engine${skipReason}`,
  () => {
    let frontend: RunningProcess;
    let engine: Twin;
    let twin: Twin;
    let theirs = '';
    let ours = '';

    beforeAll(async () => {
      const [http = 0, handshake = 0] = await freePorts(2);
      theirs = `http://127.0.0.1:${http}`;
      const shared = ['--runner', 'pooling', '--max-model-len', '1024'];
      const name = ['--served-model-name', 'tiny'];
      const ranks = [
        ...['--data-parallel-size', '1', '--data-parallel-address', '127.0.0.1'],
        ...['--data-parallel-rpc-port', `${handshake}`],
      ];
      frontend = new RunningProcess(
        python.path ?? '',
        [
          ...[...VLLM_CLI, 'serve', TINYMODEL, ...name, ...shared, ...ranks],
          ...['--data-parallel-size-local', '0', '--api-server-count', '1'],
          ...['--host', '127.0.0.1', '--port', `${http}`],
        ],
        { env: VLLM_PYTHON_ENV },
      );
      engine = new Twin([
        ...['serve', TINYMODEL, '--headless', ...shared, ...ranks],
        ...['--data-parallel-size-local', '1', '--num-gpu-blocks-override', '1025'],
      ]);
      twin = new Twin(['serve', TINYMODEL, ...name, ...shared, '--port', '0']);
      ours = await twin.url();
      await waitForHealth(theirs, [frontend, engine]);
    }, VLLM_START_DEADLINE_MS + 60_000);

    afterAll(async () => {
      await Promise.all([twin?.stop(), engine?.stop(), frontend?.stop()]);
    });

    it.each(REQUESTS)('answers %s with %j as our frontend does', async (path, body) => {
      expect(await answer(ours, path, body)).toEqual(await answer(theirs, path, body));
    });
  },
);

/** Without what is new with each answer. A cosine's last bit hangs on the order of its sum: scores to six digits. */
async function answer(url: string, path: string, body: unknown) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    metadata: timeless(response.headers.get('metadata') ?? ''),
    body: isText ? timeless(bytes.toString()) : bytes.toString('hex'),
  };
}

function timeless(text: string): string {
  return text
    .replace(/"((?:relevance_)?score)":(-?[\d.e-]+)/g, (_, name: string, value: string) => {
      return `"${name}":${Number(value).toPrecision(6)}`;
    })
    .replace(/"id":\s?"[a-z]+-[0-9a-f]+"/g, '"id":"?"')
    .replace(/"created":\s?\d+/g, '"created":0');
}
