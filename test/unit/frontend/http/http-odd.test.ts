import { describe, expect, it } from 'vitest';
import type { HttpArgs } from '../../../../src/frontend/http/http-args.ts';
import {
  differenceOf,
  loadHttpOdd,
  type OddCase,
  type OddRecording,
  replay,
} from '../../../support/http-odd.ts';
import { ALLOWED_DIFFERENCES } from '../../../support/http-odd-differences.ts';
import { createTestServer } from '../../../support/http-server.ts';
import type { RawExchange } from '../../../support/raw-http.ts';

const ARGS: Readonly<Record<string, Partial<HttpArgs>>> = {
  plain: {},
  cors: {
    allowedOrigins: ['http://ok.test'],
    allowCredentials: true,
    allowedHeaders: ['X-A'],
    allowedMethods: ['GET'],
  },
  key: { apiKey: ['secret', 'other'], enableRequestIdHeaders: true },
  root: { apiKey: ['secret'], rootPath: '/api' },
};
const NUM_CONNECTIONS = 24;

interface Replayed {
  readonly odd: OddCase;
  readonly exchange: RawExchange;
}

async function replayAll(recording: OddRecording, server: string): Promise<Replayed[]> {
  const args = { enableRequestIdHeaders: false, ...ARGS[server] };
  const env = { serverDevMode: false };
  const test = await createTestServer({ args, env, engines: { engineCount: 1 } });
  const { port } = await test.server.listen();
  const cases = recording.cases.filter((odd) => odd.server === server);
  const replayed: Replayed[] = [];
  const work = async (): Promise<void> => {
    for (let odd = cases.pop(); odd !== undefined; odd = cases.pop()) {
      replayed.push({ odd, exchange: await replay({ host: '127.0.0.1', port }, odd) });
    }
  };
  await Promise.all(Array.from({ length: NUM_CONNECTIONS }, work));
  await test.close();
  return replayed;
}

const statusesOf = ({ answers }: { answers: readonly { status: number }[] }) =>
  answers.map(({ status }) => status);

describe.each(Object.keys(ARGS))('odd requests to the server %s', (server) => {
  const recording = loadHttpOdd();
  const replayed = replayAll(recording, server);

  it('are answered as vLLM answers them, but for the differences that are written down', async () => {
    const differences = (await replayed).flatMap(({ odd, exchange }) => {
      if (ALLOWED_DIFFERENCES.some(({ names }) => names.test(odd.name))) return [];
      const difference = differenceOf(odd, exchange);
      return difference === null ? [] : [`${odd.name}\n${difference}`];
    });
    expect(differences).toEqual([]);
  });

  it('never get a 5xx that vLLM would not give, and always an answer where vLLM has one', async () => {
    const wrong = (await replayed).filter(({ odd, exchange }) => {
      const ours = statusesOf(exchange);
      const theirs = statusesOf(odd.outcome);
      const isFault = ours.some((status) => status >= 500 && !theirs.includes(status));
      return isFault || (ours.length === 0 && theirs.length > 0);
    });
    expect(wrong.map(({ odd }) => odd.name)).toEqual([]);
  });

  it('get 401 wherever vLLM answers 401, on every route in every spelling', async () => {
    const open = (await replayed).filter(
      ({ odd, exchange }) =>
        statusesOf(odd.outcome).includes(401) && !statusesOf(exchange).includes(401),
    );
    // What vLLM’s parser leaves at the end of a key, Node’s takes off: the key is the right one.
    expect(
      open.map(({ odd }) => odd.name).filter((name) => !/'Bearer secret '/.test(name)),
    ).toEqual([]);
  });
});

describe('the list of differences', () => {
  const { cases } = loadHttpOdd();
  it('has no entry without a case', () => {
    const idle = ALLOWED_DIFFERENCES.filter(
      ({ names }) => !cases.some(({ name }) => names.test(name)),
    );
    expect(idle.map(({ why }) => why)).toEqual([]);
  });
});
