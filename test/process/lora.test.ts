import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdapterFolders } from '../support/lora-adapter.ts';
import { CLI_MAIN, TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const folders = new AdapterFolders();
afterAll(() => folders.remove());

const WORDS = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
const RUNTIME = { VLLM_ALLOW_RUNTIME_LORA_UPDATING: '1' };

function startTwin(words: readonly string[], env: Readonly<Record<string, string>> = RUNTIME) {
  return new Twin(['serve', TINYMODEL, ...WORDS, ...words], env);
}

describe('adapters of a running server', () => {
  let twin: Twin;
  let url: string;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const load = (name: string, path: string, fields: object = {}) =>
    post('/v1/load_lora_adapter', { lora_name: name, lora_path: path, ...fields });
  const loraSamples = async (): Promise<readonly string[]> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return text.split('\n').filter((line) => line.includes('vllm:lora_requests_info'));
  };

  beforeAll(async () => {
    const engines = ['--data-parallel-size', '2', '--step-time', '5'];
    const json = JSON.stringify({ name: 'json', path: folders.create(), base_model_name: 'tiny' });
    const modules = ['--lora-modules', `static=${folders.create()}`, json];
    twin = startTwin(['--enable-lora', '--max-loras', '2', ...engines, ...modules]);
    url = await twin.url();
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('have their metric from the start, and the static ones are listed before the first request', async () => {
    expect(await loraSamples()).toEqual([
      '# HELP vllm:lora_requests_info Running stats on lora requests.',
      '# TYPE vllm:lora_requests_info gauge',
    ]);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as {
      data: readonly { id: string; parent: string | null; max_model_len: number | null }[];
    };
    expect(data.map(({ id, parent, max_model_len: length }) => [id, parent, length])).toEqual([
      ['tiny', null, 1024],
      ['static', 'tiny', null],
      ['json', 'tiny', null],
    ]);
  });

  it('are loaded, asked by name at every endpoint, and unloaded', async () => {
    const loaded = await load('sql', folders.create());
    expect([loaded.status, loaded.headers.get('content-type'), await loaded.text()]).toEqual([
      200,
      null,
      "Success: LoRA adapter 'sql' added successfully.",
    ]);
    const messages = [{ role: 'user', content: 'hi' }];
    for (const [path, fields] of [
      ['/v1/completions', { prompt: 'hi', max_tokens: 2 }],
      ['/v1/chat/completions', { messages, max_tokens: 2 }],
      ['/v1/responses', { input: 'hi', max_output_tokens: 2 }],
    ] as const) {
      const answer = await post(path, { model: 'sql', ...fields });
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.json()).toMatchObject({ model: 'sql' });
    }
    expect((await post('/tokenize', { model: 'sql', prompt: 'hi' })).status).toBe(200);
    expect((await load('sql', folders.create())).status).toBe(400);
    expect((await load('sql', folders.create(), { load_inplace: true })).status).toBe(200);
    expect((await post('/v1/unload_lora_adapter', { lora_name: 'sql' })).status).toBe(200);
    const gone = await post('/v1/completions', { model: 'sql', prompt: 'hi' });
    expect(gone.status).toBe(404);
  });

  const REFUSED: readonly (readonly [string, () => string, number, string])[] = [
    [
      'an unknown path',
      () => '/no/such/adapter',
      404,
      'Loading lora x failed: No adapter found for',
    ],
    [
      'bad JSON',
      () => folders.create({ 'adapter_config.json': '{' }),
      500,
      'Expecting property name',
    ],
    ['a high rank', () => folders.configured({ r: 64 }), 500, 'is greater than max_lora_rank 16'],
    ['DoRA', () => folders.configured({ use_dora: true }), 500, 'does not yet support DoRA'],
    ['PiSSA', () => folders.configured({ init_lora_weights: 'pissa' }), 500, 'such as PiSSA'],
    [
      'other modules',
      () => folders.configured({ modules_to_save: ['lm_head'] }),
      500,
      "Unsupported modules_to_save: ['lm_head']",
    ],
  ];

  it.each(REFUSED)('with %s are refused with the reason', async (_what, create, status, words) => {
    const answer = await load('x', create());
    const { error } = (await answer.json()) as { error: { message: string; code: number } };
    expect([answer.status, error.code]).toEqual([status, status]);
    expect(error.message).toContain(words);
  });

  it('show in the metric while their requests run, on every engine alike', async () => {
    const asked = ['static', 'json', 'static'].map((model) =>
      post('/v1/completions', { model, prompt: 'hi', max_tokens: 200, ignore_eos: true }),
    );
    const both =
      /^vllm:lora_requests_info\{max_lora="2",running_lora_adapters="(static,json|json,static)",waiting_lora_adapters="\1"\} \d{10}(\.\d+)?$/;
    await waitUntil(
      'a sample with both adapters in both labels, at the time it was seen',
      async () => (await loraSamples()).some((line) => both.test(line)),
    );
    for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200);
  });
});

describe('a start', () => {
  it('asks an engine to load adapters once it has said READY', async () => {
    const folder = folders.create();
    const twin = startTwin([
      '--enable-lora',
      '--lora-modules',
      `a=${folders.create()}`,
      '--record',
      folder,
    ]);
    await twin.url();
    await twin.stop();
    const words = ['frames', folder, '--type', 'READY,UTILITY', '--process', 'APIServer', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [CLI_MAIN, ...words]);
    const types = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(['READY', 'UTILITY']);
  });

  it.each([
    ['/no/such/adapter', '--lora-modules: Loading lora a failed: No adapter found for'],
    ['dora', '--lora-modules: Call to add_lora method failed: vLLM does not yet support DoRA.'],
  ])(
    'with a static adapter that cannot be loaded (%s) ends with the reason',
    async (path, words) => {
      const folder = path === 'dora' ? folders.configured({ use_dora: true }) : path;
      const twin = startTwin(['--enable-lora', '--lora-modules', `a=${folder}`]);
      expect(await twin.waitForExit()).toMatchObject({ code: 1 });
      expect(twin.log).toContain(words);
    },
  );

  it('with a static adapter but without --enable-lora ends in the engine words', async () => {
    const twin = startTwin(['--lora-modules', `a=${folders.create()}`]);
    expect(await twin.waitForExit()).toMatchObject({ code: 1 });
    expect(twin.log).toContain('LoRA is not enabled. Use --enable-lora to enable LoRA.');
  });

  it('with modules that are neither form ends at once as a bad flag', async () => {
    const twin = startTwin(['--enable-lora', '--lora-modules', 'nonsense']);
    expect(await twin.waitForExit()).toMatchObject({ code: 2 });
    expect(twin.log).toContain('Invalid JSON format for --lora-modules: nonsense');
  });
});
