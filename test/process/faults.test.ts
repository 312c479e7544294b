/** Faults that requests carry: understood with --enable-faults, and not at all without. */
import { afterEach, describe, expect, it } from 'vitest';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const CRASH = 'engine.crash-on-request';

describe('a served twin', () => {
  let twin: Twin;

  function start(
    words: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const size = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
    const names = ['--served-model-name', 'tiny', '--port', '0', '--step-time', 'zero'];
    twin = new Twin(['serve', TINYMODEL, ...size, ...names, ...words], env);
    return twin.url();
  }

  function complete(
    url: string,
    xargs: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const request = { model: 'tiny', prompt: 'hi', max_tokens: 3, vllm_xargs: xargs };
    return fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(request),
    });
  }

  afterEach(async () => {
    await twin?.stop();
  });

  it('serves requests that ask for its death as any other by default', async () => {
    const url = await start();
    expect((await complete(url, { oracle_crash: 1 })).status).toBe(200);
    expect((await complete(url, { vllm_twin_fault: CRASH })).status).toBe(200);
    expect((await complete(url, {}, { 'x-vllm-twin-fault': CRASH })).status).toBe(200);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('dies by the header of a request with --enable-faults', async () => {
    const url = await start(['--enable-faults']);
    expect((await complete(url, {})).status).toBe(200);
    expect((await complete(url, {}, { 'x-vllm-twin-fault': CRASH })).status).toBe(500);
    expect((await twin.waitForExit()).code).toBe(1);
    expect(twin.log).toContain('EngineCore encountered a fatal error.');
  });

  it('says of a fault that it does not know what it knows, and lives', async () => {
    const url = await start([], { VLLM_TWIN_ENABLE_FAULTS: '1' });
    const answer = await complete(url, { vllm_twin_fault: 'engine.rust' });
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain(
      `There is no fault 'engine.rust' that a request may carry; known are ${CRASH}`,
    );
    expect((await complete(url, { scripted_token_ids: [900] })).status).toBe(200);
  });
});

describe('headless engines', () => {
  const processes = new EngineProcesses();
  afterEach(() => processes.close());

  it.each([
    ['live on without --enable-faults', [], 0],
    ['die with it', ['--enable-faults'], 1],
  ])('given a request that asks for a crash, %s', async (_, words, numDead) => {
    const frontend = await processes.frontend(1);
    processes.start(frontend, 1, words);
    await frontend.allReady();
    const sampling = { maxTokens: 5, ignoreEos: true, extraArgs: { vllm_twin_fault: CRASH } };
    frontend.send(0, { type: 'ADD', request: createTestRequest({ requestId: 'a', sampling }) });
    await waitUntil(
      'an end of the request or of the engine',
      async () => frontend.finishReasonOf('a') !== null || frontend.numDead > 0,
    );
    expect(frontend.numDead).toBe(numDead);
  });
});
