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
        'Engine core initialization failed. Failed core proc(s): EngineCore_DP1 (exit code 1).',
    });
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
