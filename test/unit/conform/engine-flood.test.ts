import { expect, it } from 'vitest';
import { failedIds, judgeEngines } from '../../support/conform-engine.ts';

it('an engine that says HELLO without end fails that, and costs the other checks nothing', async () => {
  const begunMs = performance.now();
  const verdicts = await judgeEngines({
    mutate: () => ({
      send: ({ socket, frames }) =>
        socket === 'handshake' && Buffer.from(frames[0] ?? []).includes('HELLO')
          ? Array.from({ length: 20_000 }, () => frames)
          : [frames],
    }),
  });
  expect(failedIds(verdicts)).toEqual(['engine.hello.once']);
  expect(performance.now() - begunMs).toBeLessThan(30_000);
});
