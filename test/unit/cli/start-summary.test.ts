import { describe, expect, it } from 'vitest';
import { startSummary } from '../../../src/cli/start-summary.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';
import { createReadyResponse } from '../../support/ready-response.ts';

function summaryOf(
  args: Partial<EngineArgs>,
  options: { readonly engineCount?: number; readonly address?: string } = {},
): string {
  const { engineCount = 2, address = 'http://127.0.0.1:8000' } = options;
  const sizes = [
    { kvCacheSizeTokens: 654_288, kvCacheMaxConcurrency: 15.973828125 },
    { kvCacheSizeTokens: 172_736, kvCacheMaxConcurrency: 4.2171875 },
  ];
  const engines = new Map(
    Array.from({ length: engineCount }, (_, rank) => [
      rank,
      createReadyResponse({ maxModelLen: 40_960, ...sizes[rank] }),
    ]),
  );
  return startSummary({ ...defaultEngineArgs(), ...args }, { address, engines });
}

describe('the summary of a start', () => {
  it('shows every engine with its own GPU and capacity, and where to go', () => {
    const text = summaryOf({ dataParallelSize: 2, engineOverrides: { 1: { gpu: 'L4' } } });
    expect(text).toBe(`
  Rank  GPU   KV cache tokens  Concurrency  at max_model_len
     0  H100          654,288       15.97x            40,960
     1  L4            172,736        4.22x            40,960

  API      http://127.0.0.1:8000/v1
  Metrics  http://127.0.0.1:8000/metrics
  Page     http://127.0.0.1:8000/twin
  Docs     http://127.0.0.1:8000/docs

`);
  });

  it('claims no GPU for engines that somebody else started', () => {
    const text = summaryOf({ dataParallelSize: 2, dataParallelSizeLocal: 1 });
    expect(text).toMatch(/0 {2}H100/);
    expect(text).toMatch(/1 {2}not started here/);
  });

  it('fits a screen with many engines', () => {
    const text = summaryOf({ dataParallelSize: 64 }, { engineCount: 64 });
    expect(text).toContain('  and 52 more\n');
    expect(text.split('\n').length).toBeLessThan(24);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('leaves out pages that are off', () => {
    expect(summaryOf({ disableFastapiDocs: true })).not.toContain('/docs');
  });

  it('names a Unix socket and how to reach it', () => {
    const text = summaryOf({}, { address: 'unix:/run/twin.sock' });
    expect(text).toContain('Socket   /run/twin.sock (curl --unix-socket)');
    expect(text).toContain('API      http://localhost/v1');
  });
});
