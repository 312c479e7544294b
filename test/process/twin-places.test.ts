/** /twin wherever a server listens, and what it tells while it is watched. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TwinState } from '../../src/shared/twin-api/state.ts';
import { freePorts, freePortsInARow } from '../support/free-ports.ts';
import { childrenOf, type RunningProcess } from '../support/process.ts';
import { startServer } from '../support/topology.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitFor, waitUntil } from '../support/wait-for.ts';

const processes: RunningProcess[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'twin-places-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
});

function serve(...words: readonly string[]): Twin {
  const twin = new Twin([
    ...['serve', TINYMODEL, '--num-gpu-blocks-override', '100', '--max-model-len', '1024'],
    ...words,
  ]);
  processes.push(twin);
  return twin;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(
  options: RequestOptions & { readonly ca?: Buffer; readonly isTls?: boolean },
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = options.isTls === true ? httpsRequest : httpRequest;
    request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    })
      .once('error', reject)
      .end(body);
  });
}

const CHANGE = {
  method: 'POST',
  path: '/twin/api/clock',
  headers: { 'content-type': 'application/json' },
};

describe('/twin', () => {
  it('is there over a Unix socket, and may be changed by whoever can open it', async () => {
    const socketPath = join(folder, 'twin.sock');
    const twin = serve('--uds', socketPath);
    await twin.waitForLog(/The twin's page is at http:\/\/localhost\/twin on \S+twin\.sock/);
    expect((await ask({ socketPath, path: '/twin' })).body).toContain('<html');
    const { status, body } = await ask({ socketPath, ...CHANGE }, '{"state": "paused"}');
    expect(body).toContain('"paused"');
    expect(status).toBe(200);
  });

  it('is there over TLS, where an Origin is one of https', async () => {
    const [key, cert] = [join(folder, 'a.key'), join(folder, 'a.pem')];
    const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${cert}`;
    execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    const twin = serve('--port', '0', '--ssl-certfile', cert, '--ssl-keyfile', key);
    const [, port = ''] = await twin.waitForLog(
      /The twin's page is at https:\/\/127\.0\.0\.1:(\d+)\/twin/,
    );
    const place = { isTls: true, host: '127.0.0.1', port: Number(port), ca: readFileSync(cert) };
    expect((await ask({ ...place, path: '/twin/' })).headers['content-type']).toContain(
      'text/html',
    );
    for (const [scheme, status] of [
      ['https', 200],
      ['http', 403],
    ] as const) {
      const headers = { ...CHANGE.headers, origin: `${scheme}://127.0.0.1:${port}` };
      expect((await ask({ ...place, ...CHANGE, headers }, '{"factor": 2}')).status).toBe(status);
    }
  });

  it('is there on the loopback of IPv6', async () => {
    const twin = serve('--host', '::1', '--port', '0');
    const [, port = ''] = await twin.waitForLog(
      /The twin's page is at http:\/\/\[::1\]:(\d+)\/twin/,
    );
    const place = { host: '::1', port: Number(port) };
    expect((await ask({ ...place, path: '/twin/api/state' })).status).toBe(200);
    const headers = { ...CHANGE.headers, origin: `http://[::1]:${port}` };
    expect((await ask({ ...place, ...CHANGE, headers }, '{"factor": 2}')).status).toBe(200);
  });

  it('is there at every server of a supervisor, each with its own rank', async () => {
    const [supervisorPort = 0, rpcPort = 0] = await freePorts(2);
    const port = await freePortsInARow(2);
    const twin = startServer([
      ...['--data-parallel-multi-port-external-lb', '--data-parallel-size', '2'],
      ...['--data-parallel-size-local', '2', '--port', String(port)],
      ...['--data-parallel-supervisor-port', String(supervisorPort)],
      ...['--dp-supervisor-probe-interval-s', '0.1', '--data-parallel-rpc-port', String(rpcPort)],
    ]);
    processes.push(twin);
    await twin.waitForLog(/Started DPSupervisor on /);
    for (const rank of [0, 1]) {
      const { body } = await ask({
        host: '127.0.0.1',
        port: port + rank,
        path: '/twin/api/state',
      });
      const { engines, phase } = JSON.parse(body) as TwinState;
      expect(phase).toBe('serving');
      expect(engines.map((engine) => engine.rank)).toEqual([rank]);
      const view = await ask({
        host: '127.0.0.1',
        port: port + rank,
        path: `/twin/api/engines/${rank}/blocks`,
      });
      expect(JSON.parse(view.body)).toMatchObject({ num_blocks: 1025 });
    }
  });
});

describe('events', () => {
  it('tell of what changes, and end with the server', async () => {
    const twin = serve('--port', '0');
    const url = await twin.url();
    const response = await fetch(`${url}/twin/api/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    let hasEnded = false;
    const reading = (async () => {
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += decoder.decode(part.value, { stream: true });
      hasEnded = true;
    })();
    const lastN = (): number => {
      const all = [...text.matchAll(/^event: frames\ndata: (.*)$/gm)];
      return (JSON.parse(all.at(-1)?.[1] ?? '{}') as { last_n?: number }).last_n ?? 0;
    };
    await waitFor('the first events', () => text.includes('event: state') && lastN() > 0);
    const before = lastN();
    const completion = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: [1, 2, 3], max_tokens: 2, ignore_eos: true }),
    });
    expect(completion.status).toBe(200);
    await waitFor('the frames of the request', () => lastN() > before);
    const paused = await fetch(`${url}/twin/api/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"state": "paused"}',
    });
    expect(paused.status).toBe(200);
    await waitFor('the clock to be seen standing', () => text.includes('"state":"paused"'));
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    await reading;
    expect(hasEnded).toBe(true);
  });

  it('do not stand in the way of a stop when nobody reads them', async () => {
    const twin = serve('--port', '0');
    const { port } = new URL(await twin.url());
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /twin/api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await new Promise((resolve) => socket.once('readable', resolve));
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
    socket.destroy();
  });
});

describe('an API server that hangs', () => {
  it.each(['VLLM::ApiServer_0', 'VLLM::ApiServer_1'])(
    'does not hang the page of the others: %s',
    async (title) => {
      const twin = serve('--port', '0', '--data-parallel-size', '2', '--api-server-count', '2');
      const { port } = new URL(await twin.url());
      const hanging = childrenOf(twin.pid).find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(title),
      );
      expect(hanging).toBeDefined();
      process.kill(hanging ?? 0, 'SIGSTOP');
      try {
        // Engines are asked through another one as soon as the first has not answered in time.
        await waitUntil('both engines to be shown', async () => {
          const place = { host: '127.0.0.1', port: Number(port), agent: false };
          const answer = await ask({ ...place, path: '/twin/api/state' });
          expect(answer.status).toBe(200);
          const { engines } = JSON.parse(answer.body) as TwinState;
          return engines.length === 2 && engines.every(({ gpu }) => gpu === 'H100');
        });
      } finally {
        process.kill(hanging ?? 0, 'SIGCONT');
      }
    },
  );
});
