/** The handler behind a real server: bodies, statuses, what a request may do to the connection. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_TWIN_BODY_BYTES } from '../../../../../src/frontend/http/twin/json-body.ts';
import { TwinHandler } from '../../../../../src/frontend/http/twin/twin-handler.ts';
import type { TwinQuestion } from '../../../../../src/frontend/twin/twin-question.ts';

let server: Server | null = null;
const asked: TwinQuestion[] = [];

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  asked.length = 0;
});

async function start(rootPath = ''): Promise<number> {
  const handler = new TwinHandler({
    twin: {
      ask: async (question: TwinQuestion) => {
        asked.push(question);
        return {
          isOk: true,
          value: question.ask === 'frames' ? [{ n: 1 }, { n: 2 }] : {},
        } as never;
      },
    },
    access: { boundHost: '127.0.0.1', isOpen: false, hasApiKey: false, isTls: false },
    rootPath,
    isKey: () => true,
  });
  const answer = (...[request, response]: Parameters<Parameters<typeof createServer>[1] & {}>) => {
    if (!handler.handle(request, response)) response.writeHead(404).end('not ours');
  };
  const made = createServer(answer).on('checkContinue', (request, response) => {
    request.isContinueExpected = true;
    answer(request, response);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return (made.address() as AddressInfo).port;
}

function post(port: number, body: string, path = '/twin/api/clock'): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

async function messageOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { message: string } }).error.message;
}

describe('a change', () => {
  it('has a JSON object as its body, or none', async () => {
    const port = await start();
    expect((await post(port, '{"state": "paused"}')).status).toBe(200);
    expect((await post(port, '', '/twin/api/handshake/next')).status).toBe(200);
    expect(asked).toEqual([
      { ask: 'clock', change: { state: 'paused' } },
      { ask: 'handshake-next' },
    ]);
    for (const [body, words] of [
      ['{', 'no JSON'],
      ['[1]', 'JSON object'],
      ['"x"', 'JSON object'],
    ] as const) {
      const response = await post(port, body);
      expect(response.status, body).toBe(400);
      expect(await messageOf(response)).toContain(words);
    }
    expect(asked).toHaveLength(2);
  });

  it('that is too long is told so, and not read to its end', async () => {
    const port = await start();
    const response = await post(port, `{"state": "${'x'.repeat(MAX_TWIN_BODY_BYTES)}"}`);
    expect(response.status).toBe(413);
    expect(await messageOf(response)).toContain(String(MAX_TWIN_BODY_BYTES));
    expect(asked).toEqual([]);
  });

  it('that is refused is answered before its body came', async () => {
    const port = await start();
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      connect(port, '127.0.0.1')
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk;
        })
        .on('end', () => resolve(text))
        .on('error', reject)
        .write(
          'POST /twin/api/clock HTTP/1.1\r\nhost: evil.example\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
        );
    });
    expect(answer).toContain(' 403 ');
    expect(answer).toContain('evil.example');
    expect(asked).toEqual([]);
  });

  it('gives leave to a client that waits for it before it sends', async () => {
    const port = await start();
    const body = '{"factor": 2}';
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/twin/api/clock',
        headers: {
          expect: '100-continue',
          'content-type': 'application/json',
          'content-length': body.length,
        },
      });
      request
        .on('continue', () => request.end(body))
        .on('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
        .on('error', reject)
        .flushHeaders();
    });
    expect(status).toBe(200);
    expect(asked).toEqual([{ ask: 'clock', change: { factor: 2 } }]);
  });
});

describe('paths', () => {
  it('are those below /twin, also below the root path', async () => {
    const port = await start('/root');
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    for (const path of ['/twin/api/state', '/root/twin/api/state']) {
      const response = await get(path);
      expect(response.status, path).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
    for (const path of ['/', '/twins', '/twin.html', '/root', '/rootx/twin', '/v1/twin'])
      expect(await (await get(path)).text(), path).toBe('not ours');
    expect(await (await get('/twin/api/frames')).text()).toBe('{"n":1}\n{"n":2}\n');
  });

  it('answer no preflight with leave, and no other method', async () => {
    const port = await start();
    for (const method of ['OPTIONS', 'PUT', 'DELETE']) {
      const response = await fetch(`http://127.0.0.1:${port}/twin/api/clock`, {
        method,
        headers: { origin: 'http://evil.example' },
      });
      expect(response.status, method).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      expect([...response.headers.keys()].filter((name) => name.includes('origin'))).toEqual([]);
    }
  });
});
