import { expect, it } from 'vitest';
import { createTestServer } from '../../../support/http-server.ts';

it('A client has a minute for the head of its request and five for all of it', async () => {
  const { server, close } = await createTestServer();
  const { headersTimeout, requestTimeout } = server.app.server;
  await close();
  expect([headersTimeout, requestTimeout]).toEqual([60_000, 300_000]);
});
