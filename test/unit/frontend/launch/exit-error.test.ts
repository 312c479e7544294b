import { describe, expect, it } from 'vitest';
import { createExitError } from '../../../../src/frontend/launch/launch.ts';

const errorOf = (lastLogLine: string | null) =>
  createExitError({
    rank: 1,
    exit: { name: 'EngineCore_DP1', exitCode: 1, signal: null, lastLogLine },
  });

describe('the error of a process that ends while it starts', () => {
  it('names it and says how it ended', () => {
    expect(errorOf(null)).toMatchObject({
      code: 'E_ENGINE_EXITED',
      message:
        "Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP1': 1}. " +
        'Engine core 1 ended with exit code 1 while starting.',
    });
  });

  it('gives a signal by its name and by the number that Python has for it', () => {
    const exit = {
      name: 'DPCoordinator',
      exitCode: null,
      signal: 'SIGKILL',
      lastLogLine: null,
    } as const;
    expect(createExitError({ rank: null, exit }).message).toBe(
      "Engine core initialization failed. See root cause above. Failed core proc(s): {'DPCoordinator': -9}. " +
        'The DP coordinator ended with SIGKILL while starting.',
    );
  });

  it.each([
    [
      '{"level":50,"msg":"EngineCore failed to start: no room"}',
      'EngineCore failed to start: no room',
    ],
    ['[07:00:00] ERROR: no room', '[07:00:00] ERROR: no room'],
    ['null', 'null'],
    ['{"level":50}', '{"level":50}'],
  ])('quotes what %s says', (line, quoted) => {
    expect(errorOf(line).message).toMatch(/ Its last log line: /);
    expect(errorOf(line).message.endsWith(`: ${quoted}`)).toBe(true);
  });
});
