import { expect, it } from 'vitest';
import { createTestServer } from '../../../support/http-server.ts';

it('/get_world_size counts the GPUs of all ranks, or of one, though a dense rank knows of no other', async () => {
  const { server, close } = await createTestServer({
    model: { worldSize: 4, dataParallelSize: 2 },
  });
  const { address } = await server.listen();
  const ask = async (query: string) => (await fetch(`${address}/get_world_size${query}`)).json();
  const answers = [await ask(''), await ask('?include_dp=false')];
  await close();
  expect(answers).toEqual([{ world_size: 8 }, { world_size: 4 }]);
});
