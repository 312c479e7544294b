import { afterAll, beforeAll, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';

let twin: Twin;
let url: string;

beforeAll(async () => {
  twin = new Twin(['serve', TINYMODEL, '--max-model-len', '64', '--port', '0']);
  url = await twin.url();
});

afterAll(async () => {
  await twin?.stop();
});

it('the page of the API has every file that it names', async () => {
  const page = await (await fetch(`${url}/docs`)).text();
  const names = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, name]) => name ?? '');
  expect(names).toHaveLength(3);
  for (const name of names) {
    const response = await fetch(`${url}/${name}`);
    expect(response.status, name).toBe(200);
    expect((await response.arrayBuffer()).byteLength, name).toBeGreaterThan(500);
  }
});
