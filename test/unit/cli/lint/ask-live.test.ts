import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { askLive } from '../../../../src/cli/lint/ask-live.ts';
import type { Judged } from '../../../../src/cli/lint/judged.ts';
import { judge, readQuery } from '../../../../src/lint/lint-text.ts';

let server: Server | null = null;
afterEach(() => server?.close());

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly query: string;
  readonly time: string | null;
}

/** A server that answers queries, and what it was asked. */
async function prometheus(
  answer: (query: string) => { readonly status: number; readonly body: string },
): Promise<{ readonly port: number; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  const made = createServer(async (request: IncomingMessage, response) => {
    const form = new URLSearchParams(await text(request));
    const query = form.get('query') ?? '';
    const { authorization } = request.headers;
    asked.push({ path: request.url ?? '', authorization, query, time: form.get('time') });
    const { status, body } = answer(query);
    response.writeHead(status).end(body);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return { port: (made.address() as AddressInfo).port, asked };
}

const vector = (count: number) => ({
  status: 200,
  body: JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: Array.from({ length: count }, () => ({})) },
  }),
});
const refused = {
  status: 400,
  body: JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'no such thing' }),
};

const target = { versions: ['0.33.0'], features: new Set<string>() };
const judged = (...texts: readonly string[]): readonly Judged[] =>
  texts.map((query) => {
    const queries = judge(query, readQuery(query).queries, { target, ignored: new Set() });
    return { name: '--query', isFile: false, text: query, queries, problem: null };
  });

describe('a Prometheus that is asked', () => {
  it('has both verdicts side by side, and what no rule knew is found', async () => {
    const answers: Readonly<Record<string, ReturnType<typeof vector>>> = {
      up: vector(2),
      'vllm:num_requests_running': vector(0),
      'vllm:gpu_cache_usage_perc': vector(0),
      'absent(up)': vector(0),
      'up{a="b"}': refused,
    };
    const { port, asked } = await prometheus((query) => answers[query] ?? vector(1));
    const files = judged(...Object.keys(answers));
    const live = `http://me:se%20cret@127.0.0.1:${port}/prom/`;
    const report = await askLive(files, { live, at: 1767225900, ignored: new Set() });
    expect(report.where).toBe(`http://127.0.0.1:${port}/prom`);
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/prom/api/v1/query']));
    expect(asked[0]?.authorization).toBe(`Basic ${btoa('me:se cret')}`);
    expect(asked[0]?.time).toBe('1767225900');
    expect([...report.verdicts.values()].map(({ result }) => result)).toEqual([
      'data',
      'empty',
      'empty',
      'empty',
      'refused',
    ]);
    const rules = report.judged.map(({ queries }) =>
      queries.flatMap(({ findings }) => findings.map(({ rule }) => rule)),
    );
    expect(rules).toEqual([[], ['live-empty'], ['metric-removed'], [], ['live-error']]);
  });

  it('is asked the same thing once', async () => {
    const { port, asked } = await prometheus(() => vector(1));
    await askLive(judged('up', 'up', 'up'), {
      live: `http://127.0.0.1:${port}`,
      at: null,
      ignored: new Set(),
    });
    expect(asked.map(({ query }) => query)).toEqual(['vector(1)', 'up']);
    expect(asked[0]?.time).toBeNull();
  });

  it.each([
    ['<html>Not Found</html>', 404, /answers HTTP 404, and not as a Prometheus does: Not Found/],
    ['', 502, /answers HTTP 502/],
    ['{"status": 1}', 200, /answers HTTP 200/],
  ])('has to be one: %s', async (body, status, message) => {
    const { port } = await prometheus(() => ({ status, body }));
    const live = `http://127.0.0.1:${port}`;
    const asking = askLive(judged('up'), { live, at: null, ignored: new Set() });
    await expect(asking).rejects.toThrow(message);
  });

  it('has to be there', async () => {
    const ask = (live: string) => askLive(judged('up'), { live, at: null, ignored: new Set() });
    await expect(ask('ftp://x')).rejects.toThrow(/must be http:\/\/ or https:\/\//);
    await expect(ask('no/such/file.om')).rejects.toThrow(/neither a URL nor a file or folder/);
    const { port } = await prometheus(() => vector(1));
    await new Promise((resolve) => server?.close(resolve));
    await expect(ask(`http://127.0.0.1:${port}`)).rejects.toThrow(
      /cannot be asked \(ECONNREFUSED\)/,
    );
  });
});
