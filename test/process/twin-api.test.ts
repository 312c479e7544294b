/** What is below /twin, over running processes. */
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { FrameDetail, FrameLine } from '../../src/shared/tap/frame-line.ts';
import type { BlockMap, EngineSteps } from '../../src/shared/twin-api/engine-views.ts';
import type { TwinState } from '../../src/shared/twin-api/state.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const processes: RunningProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
});

function serve(...words: readonly string[]): Twin {
  const twin = new Twin([
    'serve',
    TINYMODEL,
    '--num-gpu-blocks-override',
    '400',
    '--port',
    '0',
    '--log-format',
    'json',
    ...words,
  ]);
  processes.push(twin);
  return twin;
}

async function get<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}/twin/api/${path}`, { headers: { connection: 'close' } });
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

async function framesOf(url: string): Promise<FrameLine[]> {
  const response = await fetch(`${url}/twin/api/frames?since=0&limit=5000`);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FrameLine);
}

function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${url}/twin/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

function complete(url: string, body: object = {}): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: [1, 2, 3, 4, 5], max_tokens: 3, ignore_eos: true, ...body }),
  });
}

/** With a Host header of its own, which fetch does not let one set. */
function postAs(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${url}/twin/api/clock`,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.once('error', reject);
    request.end('{"factor": 1}');
  });
}

describe('two unequal engines', () => {
  it('are told apart in state, frames and views, and stand, step and go on when told to', async () => {
    const twin = serve(
      '--data-parallel-size',
      '2',
      '--engine-overrides',
      '{"1": {"num_gpu_blocks_override": 300}}',
    );
    const url = await twin.url();
    const state = await get<TwinState>(url, 'state');
    expect(state.engines.map(({ rank, state: stage }) => [rank, stage])).toEqual([
      [0, 'READY'],
      [1, 'READY'],
    ]);
    const [first, second] = state.engines.map(({ kv_cache_size_tokens: tokens }) => tokens);
    expect(first).not.toBe(second);
    expect(state.changes_refused_because).toBeNull();

    expect((await complete(url)).status).toBe(200);
    const frames = await framesOf(url);
    expect(frames.map(({ n }) => n)).toEqual(frames.map((_, index) => index + 1));
    expect(frames.map(({ t_ms: ms }) => ms)).toEqual(
      frames.map(({ t_ms: ms }) => ms).sort((a, b) => a - b),
    );
    expect(new Set(frames.map(({ process }) => process))).toEqual(
      new Set(['APIServer', 'DPCoordinator', 'EngineCore_DP0', 'EngineCore_DP1']),
    );
    for (const rank of [0, 1]) {
      const conversation = frames
        .filter(({ process, peer }) => process === 'APIServer' && peer === rank)
        .map(({ type, socket }) => `${socket} ${type}`);
      const handshake = conversation.filter((word) => word.startsWith('handshake'));
      expect(handshake).toEqual(['handshake HELLO', 'handshake INIT', 'handshake READY']);
      expect(conversation).toContain('input EngineCoreReadyResponse');
      const response = frames.find(
        ({ process, peer, type }) =>
          process === 'APIServer' && peer === rank && type === 'EngineCoreReadyResponse',
      );
      const detail = await get<FrameDetail>(url, `frame?n=${response?.n}`);
      const field = detail.fields.find(({ name }) => name === 'kv_cache_size_tokens');
      expect(field?.value).toBe(state.engines[rank]?.kv_cache_size_tokens);
      expect(detail.problems).toEqual([]);
    }
    expect(frames.filter(({ socket }) => socket === 'other')).toEqual([]);
    expect(frames.filter(({ type }) => type === 'UNKNOWN')).toEqual([]);
    expect(JSON.stringify(frames)).not.toContain('vllm_twin_');

    expect((await get<BlockMap>(url, 'engines/0/blocks')).num_blocks).toBe(400);
    expect((await get<BlockMap>(url, 'engines/1/blocks')).num_blocks).toBe(300);

    expect((await post(url, 'clock', { state: 'paused' })).status).toBe(200);
    const waiting = complete(url);
    await waitUntil('a request to wait for a clock that stands', async () => {
      const { engines } = await get<TwinState>(url, 'state');
      return engines.some(({ num_requests_waiting: count }) => count === 1);
    });
    const { engines } = await get<TwinState>(url, 'state');
    const rank = engines.findIndex(({ num_requests_waiting: count }) => count === 1);
    const before = await get<EngineSteps>(url, `engines/${rank}/steps`);
    expect(before.waiting[0]).toMatchObject({ why: 'clock_paused' });
    const ctl = new RunningProcess(process.execPath, [
      ...[CLI_MAIN, 'ctl', 'clock', 'step', '1', '--engine', String(rank), '--url', url],
    ]);
    processes.push(ctl);
    expect((await ctl.exited).code).toBe(0);
    await waitUntil('the step to be seen', async () => {
      const { steps } = await get<EngineSteps>(url, `engines/${rank}/steps`);
      return steps.some(({ total_tokens: tokens }) => tokens === 5);
    });
    expect((await get<TwinState>(url, 'state')).engines[rank]?.num_requests_running).toBe(1);
    expect((await post(url, 'clock', { state: 'running', factor: 0.1 })).status).toBe(200);
    expect((await waiting).status).toBe(200);
  });

  it('go on being shown while one of them hangs', async () => {
    const twin = serve('--data-parallel-size', '2');
    const url = await twin.url();
    const { engines } = await get<TwinState>(url, 'state');
    const pid = engines[1]?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      const state = await get<TwinState>(url, 'state');
      expect(state.engines.map(({ gpu }) => gpu)).toEqual(['H100', 'H100']);
      const response = await fetch(`${url}/twin/api/engines/1/blocks`);
      expect(response.status).toBe(503);
      expect((await response.json()) as unknown).toMatchObject({
        error: { message: expect.stringContaining('engine 1 did not answer') },
      });
      expect((await get<BlockMap>(url, 'engines/0/blocks')).num_blocks).toBe(400);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});

describe('several API servers', () => {
  it('show one stream with one numbering, whichever of them is asked', async () => {
    const twin = serve('--data-parallel-size', '2', '--api-server-count', '2');
    const url = await twin.url();
    expect((await complete(url)).status).toBe(200);
    await framesOf(url);
    let frames: FrameLine[] = [];
    await waitUntil('frames of every process', async () => {
      frames = await framesOf(url);
      return new Set(frames.map(({ process }) => process)).size === 6;
    });
    expect(new Set(frames.map(({ process }) => process))).toContain('ApiServer_1');
    for (let i = 0; i < 12; i++) {
      const again = await fetch(`${url}/twin/api/frames?since=0&limit=20`, {
        headers: { connection: 'close' },
      });
      const lines = (await again.text()).trim().split('\n');
      expect(lines.map((line) => JSON.parse(line) as FrameLine)).toEqual(frames.slice(0, 20));
      expect((await get<TwinState>(url, 'state')).api_server_count).toBe(2);
    }
    expect((await post(url, 'clock', { state: 'paused', engine: 1 })).status).toBe(200);
    const { engines } = await get<TwinState>(url, 'state');
    expect(engines.map(({ clock }) => clock?.state)).toEqual(['running', 'paused']);
  });
});

describe('access', () => {
  it('lets nobody of another site change anything', async () => {
    const twin = serve('--api-key', 'secret');
    const url = await twin.url();
    const { host } = new URL(url);
    const key = { authorization: 'Bearer secret' };
    expect((await postAs(url, key)).status).toBe(200);
    expect((await postAs(url, { ...key, origin: url })).status).toBe(200);
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { ...key, host: 'evil.example' },
      { ...key, host: `evil.example:${new URL(url).port}` },
      { ...key, origin: 'http://evil.example' },
      { ...key, origin: 'null' },
    ]) {
      const { status, body } = await postAs(url, headers);
      expect(status, JSON.stringify(headers)).toBe(403);
      expect((JSON.parse(body) as { error: { message: string } }).error.message).not.toBe('');
    }
    expect((await post(url, 'clock', {}, key)).status).toBe(400);
    const form = await fetch(`${url}/twin/api/clock`, {
      method: 'POST',
      headers: { ...key, 'content-type': 'text/plain' },
      body: '{"state": "paused"}',
    });
    expect(form.status).toBe(415);
    const preflight = await fetch(`${url}/twin/api/clock`, {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST', host },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    // As open as /metrics.
    expect((await fetch(`${url}/twin/api/state`)).status).toBe(200);
  });

  it('is closed where others can reach the server, unless it was opened', async () => {
    const closed = serve('--host', '0.0.0.0');
    const open = serve('--host', '0.0.0.0', '--enable-twin-api');
    const local = async (twin: Twin): Promise<string> =>
      `http://127.0.0.1:${new URL(await twin.url()).port}`;
    const refused = await post(await local(closed), 'clock', { state: 'paused' });
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('--enable-twin-api');
    const state = await get<TwinState>(await local(closed), 'state');
    expect(state.changes_refused_because).toContain('0.0.0.0');
    expect((await post(await local(open), 'clock', { state: 'paused' })).status).toBe(200);
    expect((await postAs(await local(open), { host: 'evil.example' })).status).toBe(403);
  });

  it('interprets no HTML of anybody, and is no part of what vLLM counts', async () => {
    const script = '<script>alert(1)</script>';
    const twin = serve('--served-model-name', script, '--root-path', '/twin-root');
    const url = await twin.url();
    const answer = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': script },
      body: JSON.stringify({ model: script, prompt: script, max_tokens: 1 }),
    });
    expect(answer.status).toBe(200);
    const page = await fetch(`${url}/twin-root/twin`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).not.toContain('alert(1)');
    for (const path of ['state', 'frames', 'frame?n=1', 'engines/0/steps']) {
      const response = await fetch(`${url}/twin-root/twin/api/${path}`);
      expect(response.headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(response.headers.get('content-type'), path).toMatch(/^application\/(json|x-ndjson)$/);
    }
    const scrape = await (await fetch(`${url}/metrics`)).text();
    expect(scrape).not.toMatch(/^http_\S*twin/m);
    expect(twin.log).not.toContain('/twin/api/');
    expect((await fetch(`${url}/twinx`)).status).toBe(404);
    expect(await (await fetch(`${url}/twinx`)).json()).toEqual({ detail: 'Not Found' });
  });
});

describe('what is asked wrongly', () => {
  it('is told what is wrong', async () => {
    const url = await serve().url();
    for (const [path, status, words] of [
      ['frames?since=x', 400, 'since'],
      ['frames?limit=0', 400, 'limit'],
      ['frame?n=99999', 404, 'no frame 99999'],
      ['engines/5/blocks', 404, 'no engine 5'],
      ['engines/0/block?id=400', 400, '0 to 399'],
      ['nothing', 404, '/twin/api/nothing'],
      ['clock', 405, 'POST'],
    ] as const) {
      const response = await fetch(`${url}/twin/api/${path}`);
      expect(response.status, path).toBe(status);
      const { error } = (await response.json()) as { error: { message: string } };
      expect(error.message, path).toContain(words);
    }
    expect((await post(url, 'handshake/next', {})).status).toBe(409);
    expect((await fetch(`${url}/twin/api/state`, { method: 'DELETE' })).status).toBe(405);
    for (const change of [
      { factor: 0 },
      { steps: -1 },
      { state: 'off' },
      { engine: 'x', steps: 1 },
      { stat: 1 },
    ])
      expect((await post(url, 'clock', change)).status, JSON.stringify(change)).toBe(400);
  });

  it('answers a HEAD for the events with their headers alone', async () => {
    const url = await serve().url();
    const response = await fetch(`${url}/twin/api/events`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(5_000),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe('');
  });
});
