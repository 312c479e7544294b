/** Servers that are another vLLM: each version with itself, and two that meet. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  isBefore,
  SPOKEN_VERSIONS,
  type SpokenVersion,
  VLLM_VERSION,
} from '../../src/shared/version.ts';
import { parseExposition } from '../support/exposition.ts';
import { AdapterFolders } from '../support/lora-adapter.ts';
import { recordedMetrics } from '../support/recorded-metrics.ts';
import { Twin } from '../support/twin.ts';

const FLAGS = ['serve', '--port', '0', '--log-format', 'json', '--step-time', 'zero'];
const MODEL = 'Qwen/Qwen3-0.6B';

const versions = recordedMetrics();

/** Of a request that says nothing of it, as a beam and a label do, and of one that wants none. */
const WATERMARKING: Readonly<Record<SpokenVersion, readonly (boolean | null)[]>> = {
  '0.28.0': [null, null],
  '0.30.0': [true, false],
  '0.31.0': [true, false],
  '0.32.0': [false, false],
  '0.33.0': [false, false],
};

const adapters = new AdapterFolders();
let server: Twin | null = null;

function serve(...words: readonly string[]): Twin {
  server = new Twin([...FLAGS, ...words], { VLLM_SERVER_DEV_MODE: '1' });
  return server;
}

afterAll(() => adapters.remove());

afterEach(async () => {
  await server?.stop();
  server = null;
});

async function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function ask(url: string, fields: object): Promise<Response> {
  return post(`${url}/v1/completions`, { model: MODEL, prompt: 'Hello', max_tokens: 4, ...fields });
}

/** What each request so far said of watermarking. */
async function watermarks(url: string): Promise<readonly (boolean | null)[]> {
  const frames = await (await fetch(`${url}/twin/api/frames`)).text();
  return frames
    .split('\n')
    .filter((line) => line.includes('"send"') && line.includes('"ADD"'))
    .map((line) => JSON.parse(line).message.sampling_params.watermarking ?? null);
}

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

describe.each(SPOKEN_VERSIONS)('a server that is vLLM %s', (version) => {
  it('answers, streams, and shows the version, its metrics and its labels', async () => {
    const twin = serve('--vllm-version', version);
    const url = await twin.url();
    expect(await json(`${url}/version`)).toEqual({ version });
    expect(await json(`${url}/openapi.json`)).toMatchObject({ info: { version } });
    expect(await json(`${url}/twin/api/state`)).toMatchObject({
      vllm_version: version,
      engines: [{ ready_response: { vllm_version: version } }],
    });
    expect(await (await ask(url, {})).json()).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      usage: { completion_tokens: 4 },
      system_fingerprint: expect.stringMatching(`^vllm-${version}-`),
    });
    expect(await (await ask(url, { stream: true })).text()).toMatch(
      /"length"[\s\S]*data: \[DONE\]\n\n$/,
    );
    const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
    const recorded = versions[version];
    const expected = recorded?.families
      .filter(({ name, needs }) => name.startsWith('vllm:') && needs.length === 0)
      .map(({ name, type }) => (type === 'counter' ? `${name}_total` : name));
    const shown = [...families.keys()].filter(
      (name) => name.startsWith('vllm:') && !name.endsWith('_created'),
    );
    expect(shown.toSorted()).toEqual(expected?.toSorted());
    const [info] = families.get('vllm:cache_config_info')?.samples ?? [];
    expect(Object.keys(info?.labels ?? {})).toEqual(recorded?.cache_config_info_labels.toSorted());
    const says = `Speaking as vLLM ${version}: `;
    if (version === VLLM_VERSION) expect(twin.log).not.toContain('Speaking as');
    else expect(twin.log).toContain(says);
  });

  it('pauses and goes on, by the calls that it has', async () => {
    const twin = serve('--vllm-version', version);
    const url = await twin.url();
    const isPaused = async () =>
      ((await json(`${url}/is_paused`)) as { readonly is_paused: boolean }).is_paused;
    expect((await fetch(`${url}/pause?mode=wait`, { method: 'POST' })).status).toBe(200);
    expect(await isPaused()).toBe(true);
    expect((await fetch(`${url}/resume`, { method: 'POST' })).status).toBe(200);
    expect(await isPaused()).toBe(false);
    const frames = await (await fetch(`${url}/twin/api/frames`)).text();
    const isNew = version === VLLM_VERSION;
    expect(frames.includes('"pause_generation"')).toBe(isNew);
    expect(frames.includes('"pause_scheduler"')).toBe(!isNew);
  });

  it('releases the KV cache where its engine cores can', async () => {
    const twin = serve('--vllm-version', version);
    const url = await twin.url();
    expect((await fetch(`${url}/pause?mode=wait`, { method: 'POST' })).status).toBe(200);
    const released = await fetch(`${url}/release_kv_cache_memory`, { method: 'POST' });
    const words = "'EngineCoreProc' object has no attribute 'release_kv_cache_memory'";
    const [status, answer] = isBefore(version, '0.31.0')
      ? ([500, words] as const)
      : ([200, '"kv_cache_released"'] as const);
    expect([released.status, await released.text()]).toEqual([
      status,
      expect.stringContaining(answer),
    ]);
  });

  it('takes what stands at another place on its wire: adapters, and sampling parameters of all kinds', async () => {
    const adapter = `sql=${adapters.create()}`;
    const twin = serve('--vllm-version', version, '--enable-lora', '--lora-modules', adapter);
    const url = await twin.url();
    const answers = await Promise.all(
      [
        { model: 'sql' },
        { prompt_logprobs: 1, logprobs: 2, n: 2, logit_bias: { 5: 1 }, bad_words: ['x'] },
        { structured_outputs: { regex: '[0-9]{3}' }, min_tokens: 1, seed: 1 },
      ].map(async (fields) => (await ask(url, fields)).json()),
    );
    expect(answers).toMatchObject([
      { model: 'sql', choices: [{ finish_reason: 'length' }] },
      {
        choices: [
          { prompt_logprobs: expect.arrayContaining([null]) },
          { logprobs: { tokens: { length: 4 } } },
        ],
      },
      { choices: [{ text: expect.stringMatching(/^[0-9]{3}$/) }] },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('vllm:lora_requests_info{');
    // From 0.32.0 on the frontend decides on watermarking, and 0.28.0 has none; between them a request asks the engine.
    const before = (await watermarks(url)).length;
    await ask(url, { prompt: 'Beam', use_beam_search: true, n: 2, max_tokens: 1 });
    const scoring = { model: MODEL, query: 'Is it?', items: ['Yes'], label_token_ids: [1, 2] };
    expect((await post(`${url}/generative_scoring`, scoring)).status).toBe(200);
    await ask(url, { prompt: 'No', watermarking: false });
    const [unsaid, no] = WATERMARKING[version];
    const said = await watermarks(url);
    expect([said[0], ...said.slice(before)]).toEqual([unsaid, unsaid, unsaid, no]);
  });
});

describe('two ranks of a mixture of experts', () => {
  const MOE = ['openai/gpt-oss-20b', '--data-parallel-size', '2', '--max-model-len', '1024'];

  it.each(SPOKEN_VERSIONS)('of vLLM %s are woken as it does', async (version) => {
    const twin = serve(...MOE, '--vllm-version', version);
    const url = await twin.url();
    for (let i = 0; i < 2; i++)
      expect((await ask(url, { model: 'openai/gpt-oss-20b' })).status).toBe(200);
    const frames = await (await fetch(`${url}/twin/api/frames`)).text();
    expect(frames.includes('"FIRST_REQ"')).toBe(version !== VLLM_VERSION);
    expect(frames).toContain('"START_DP_WAVE"');
    expect(frames).not.toContain('"UNKNOWN"');
  });
});

describe('an engine of another version', () => {
  const withEngine = (version: string): readonly string[] => [
    '--engine-overrides',
    JSON.stringify({ 0: { vllm_version: version } }),
  ];

  it("is refused by a frontend that needs more than it says, in vLLM's words", async () => {
    const twin = serve(...withEngine('0.28.0'));
    expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
    expect(twin.log.trim().split('\n').at(-1)).toContain(
      'ValidationError: Object missing required field `supports_lora`. The engine is vLLM 0.28.0 and this frontend 0.33.0',
    );
  });

  it('serves under one that skips what it does not know, which is said', async () => {
    const twin = serve('--vllm-version', '0.28.0', ...withEngine('0.33.0'));
    const url = await twin.url();
    expect((await ask(url, {})).status).toBe(200);
    expect(twin.log).toContain(
      'Engine 0 is vLLM 0.33.0, and this frontend 0.28.0: vllm-twin versions 0.33.0 0.28.0 tells what breaks between them',
    );
  });
});

it('a version that is not known ends the start with those that are', async () => {
  const twin = serve('--vllm-version', '0.29.0');
  expect(await twin.waitForExit()).toEqual({ code: 2, signal: null });
  expect(twin.log.trim()).toMatch(
    /^[^\n]*--vllm-version '0\.29\.0': must be one of 0\.28\.0, [^\n]*0\.33\.0[^\n]*$/,
  );
});
