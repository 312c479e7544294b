import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';

const SIZE = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
const SERVE = ['serve', TINYMODEL, ...SIZE, '--served-model-name', 'tiny', '--port', '0'];

describe('a twin with a certificate', () => {
  let twin: Twin;
  let folder = '';
  const path = (name: string) => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'twin-tls-'));
    for (const name of ['a', 'b']) {
      const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout ${path(`${name}.key`)} -out ${path(`${name}.pem`)}`;
      execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    }
    writeFileSync(path('none.pem'), 'this is no PEM\n');
  });

  afterEach(async () => {
    await twin?.stop();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  async function urlOf(words: readonly string[]): Promise<string> {
    twin = new Twin([...SERVE, ...words]);
    const [, url = ''] = await twin.waitForLog(/server on (https:\/\/\S+?)["\s]/);
    return url;
  }

  function statusOf(url: string, client: { cert?: Buffer; key?: Buffer } = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      request(url, { ca: readFileSync(path('a.pem')), ...client }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .once('error', reject)
        .end();
    });
  }

  it('answers over https', async () => {
    const url = await urlOf(['--ssl-certfile', path('a.pem'), '--ssl-keyfile', path('a.key')]);
    expect(await statusOf(`${url}/v1/models`)).toBe(200);
    expect(await statusOf(`${url}/nope`)).toBe(404);
  });

  it('asks clients for theirs with --ssl-cert-reqs 2', async () => {
    const pair = ['--ssl-certfile', path('a.pem'), '--ssl-keyfile', path('a.key')];
    const url = await urlOf([...pair, '--ssl-ca-certs', path('a.pem'), '--ssl-cert-reqs', '2']);
    await expect(statusOf(`${url}/health`)).rejects.toThrow();
    const client = { cert: readFileSync(path('a.pem')), key: readFileSync(path('a.key')) };
    expect(await statusOf(`${url}/health`, client)).toBe(200);
  });

  it('takes clients without one, and none with a bad one, with --ssl-cert-reqs 1', async () => {
    const pair = ['--ssl-certfile', path('a.pem'), '--ssl-keyfile', path('a.key')];
    const url = await urlOf([...pair, '--ssl-ca-certs', path('a.pem'), '--ssl-cert-reqs', '1']);
    const clientOf = (name: string) => ({
      cert: readFileSync(path(`${name}.pem`)),
      key: readFileSync(path(`${name}.key`)),
    });
    expect(await statusOf(`${url}/health`)).toBe(200);
    expect(await statusOf(`${url}/health`, clientOf('a'))).toBe(200);
    await expect(statusOf(`${url}/health`, clientOf('b'))).rejects.toThrow();
  });

  it.each([
    [
      'that is not there',
      ['--ssl-certfile', 'gone.pem'],
      /--ssl-certfile \S*gone.pem cannot be read/,
    ],
    ['that is a folder', ['--ssl-certfile', '.'], /--ssl-certfile \S+ cannot be read/],
    ['that is no PEM', ['--ssl-certfile', 'none.pem'], /none.pem is no certificate in PEM/],
    ['without its key', ['--ssl-certfile', 'a.pem'], /a.pem is no private key in PEM/],
    [
      'with the key of another',
      ['--ssl-certfile', 'a.pem', '--ssl-keyfile', 'b.key'],
      /b.key is not the key of/,
    ],
    [
      'with a key that is none',
      ['--ssl-certfile', 'a.pem', '--ssl-keyfile', 'none.pem'],
      /none.pem is no private key/,
    ],
    [
      'with a CA that is none',
      ['--ssl-certfile', 'a.pem', '--ssl-keyfile', 'a.key', '--ssl-ca-certs', 'none.pem'],
      /--ssl-ca-certs \S+none.pem is no certificate/,
    ],
    ['that nobody gave', ['--ssl-keyfile', 'a.key'], /give --ssl-certfile/],
  ])('ends with a sentence and exit code 2 for one %s', async (_what, words, sentence) => {
    const files = words.map((word) => (word.startsWith('--') ? word : path(word)));
    twin = new Twin([...SERVE, ...files]);
    expect(await twin.exited).toEqual({ code: 2, signal: null });
    expect(twin.log).toMatch(sentence);
    expect(twin.log.trim().split('\n')).toHaveLength(1);
  });
});

describe('an API key', () => {
  const KEY = 'sk-do-not-show-4711';
  let twin: Twin;

  afterEach(async () => {
    await twin?.stop();
  });

  it('stands in no log, no answer and no engine’s arguments', async () => {
    twin = new Twin([...SERVE, '--api-key', KEY, '--log-level', 'debug'], {
      VLLM_SERVER_DEV_MODE: '1',
    });
    const url = await twin.url();
    const bearer = { authorization: `Bearer ${KEY}` };
    const targets = [
      '/server_info',
      '/server_info?config_format=json',
      '/v1/models',
      '/metrics',
      '/openapi.json',
      '/nope',
    ];
    for (const target of targets) {
      for (const headers of [{}, bearer]) {
        const answer = await fetch(`${url}${target}`, { headers });
        expect(await answer.text(), target).not.toContain(KEY);
      }
    }
    const children = readFileSync(`/proc/${twin.pid}/task/${twin.pid}/children`, 'utf8').trim();
    for (const pid of children.split(' ')) {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(KEY);
    }
    await twin.stop();
    expect(twin.log).not.toContain(KEY);
  });

  it('is not in the environment of an engine or the coordinator', async () => {
    twin = new Twin([...SERVE, '--data-parallel-size', '2'], { VLLM_API_KEY: KEY });
    const url = await twin.url();
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const children = readFileSync(`/proc/${twin.pid}/task/${twin.pid}/children`, 'utf8').trim();
    expect(children.split(' ')).toHaveLength(3);
    for (const pid of children.split(' ')) {
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(KEY);
    }
  });
});
