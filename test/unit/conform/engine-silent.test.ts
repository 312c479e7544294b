import { describe, expect, it } from 'vitest';
import { failedIds, judgeEngines } from '../../support/conform-engine.ts';

describe('an engine that says nothing', () => {
  it('after its start fails what waits for it, and the run ends in its time', async () => {
    const verdicts = await judgeEngines({
      mutate: () => ({ send: ({ socket, frames }) => (socket === 'output' ? [] : [frames]) }),
    });
    expect(verdicts.get('engine.ready.said')).toMatchObject({ verdict: 'passed' });
    expect(verdicts.get('engine.add.tokens')?.got).toMatch(
      /^nothing within 4.5 s: 1 of 1 requests did not end/,
    );
    expect(verdicts.get('engine.death.message')).toMatchObject({
      verdict: 'failed',
      got: 'not tried: the time of the run is over',
    });
    expect(failedIds(verdicts)).not.toContain('engine.hello.identity');
  });

  it('at all fails every check but those that need nothing of it', async () => {
    const verdicts = await judgeEngines({
      args: { handshakeTimeout: 1 },
      mutate: () => ({ send: () => [] }),
    });
    const passed = [...verdicts.values()].filter(({ verdict }) => verdict === 'passed');
    expect(passed).toEqual([]);
    expect(verdicts.get('engine.hello.identity')?.got).toBe('no HELLO came');
    expect(verdicts.get('engine.add.tokens')?.got).toBe('no engine greeted the input sockets');
  });
});
