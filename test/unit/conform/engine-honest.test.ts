import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { KV_EVENTS } from '../../support/broken-engines.ts';
import { failedIds, judgeEngines } from '../../support/conform-engine.ts';

describe('our own engines pass every check', () => {
  it('one engine', async () => {
    const verdicts = await judgeEngines();
    expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
  });

  it('two engines with events and sleep mode', async () => {
    const args = { ...KV_EVENTS, enableSleepMode: true };
    const verdicts = await judgeEngines({ size: 2, args });
    expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
  });

  it('two ranks of a mixture of experts', async () => {
    const verdicts = await judgeEngines({ size: 2, isMoe: true });
    expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
  });

  it.each([
    ['60 ms a token', { stepTime: '60' }],
    ['one request at once', { maxNumSeqs: 1 }],
    ['the shortest texts', { maxModelLen: 64 }],
  ])('of %s', async (_, args) => {
    const verdicts = await judgeEngines({ args });
    expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
  });

  it.each(Object.values(WIRE_VERSIONS))('as vLLM $vllmVersion', async (version) => {
    const vllmVersion = version.vllmVersion as keyof typeof WIRE_VERSIONS;
    const verdicts = await judgeEngines({ version, args: { ...KV_EVENTS, vllmVersion } });
    expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
  });

  it.each(Object.values(WIRE_VERSIONS))(
    'as two ranks of a mixture of experts of vLLM $vllmVersion, whose waves are begun as it does',
    async (version) => {
      const vllmVersion = version.vllmVersion as keyof typeof WIRE_VERSIONS;
      const verdicts = await judgeEngines({ size: 2, isMoe: true, version, args: { vllmVersion } });
      expect(failedIds(verdicts).map((id) => verdicts.get(id))).toEqual([]);
      const isTold = version.waves.startedBy === 'engine' || version.waves.isStartReported;
      expect(verdicts.get('engine.wave.start')?.verdict).toBe(isTold ? 'passed' : 'not_applicable');
    },
  );
});
