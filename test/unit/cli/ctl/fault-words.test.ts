import { afterEach, describe, expect, it, vi } from 'vitest';
import { clearFaults } from '../../../../src/cli/ctl/fault-words.ts';
import type { TwinServer } from '../../../../src/cli/ctl/twin-server.ts';

describe('ctl clear', () => {
  afterEach(() => vi.restoreAllMocks());

  it('ends all that can be ended, and says which could not', async () => {
    const written: string[] = [];
    const write = (text: unknown): boolean => written.push(String(text)) > 0;
    vi.spyOn(process.stdout, 'write').mockImplementation(write);
    vi.spyOn(process.stderr, 'write').mockImplementation(write);
    const ask = async (method: string, path: string) => {
      if (method === 'GET')
        return { status: 200, body: { active: [{ handle: 'f1' }, { handle: 'f2' }] } };
      if (path === 'faults/f2') return { status: 204, body: null };
      return { status: 503, body: { error: { message: 'engine 1 did not answer' } } };
    };
    const exitCode = await clearFaults({
      server: { ask } as unknown as TwinServer,
      words: [],
      engine: null,
      duration: null,
      isJson: false,
    });
    expect(exitCode).toBe(1);
    expect(written).toEqual(['vllm-twin: engine 1 did not answer\n', 'Ended: f2\n']);
  });
});
