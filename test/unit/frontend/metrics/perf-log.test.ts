import { describe, expect, it } from 'vitest';
import { PerfLog } from '../../../../src/frontend/metrics/perf-log.ts';

const stats = {
  numFlopsPerGpu: 3e12,
  numReadBytesPerGpu: 15_000_000_000n,
  numWriteBytesPerGpu: 5e9,
  debugStats: null,
};

describe('the line on the work of steps', () => {
  it("is vLLM's, for the time since the last one", () => {
    const log = new PerfLog(0);
    log.observe(stats);
    log.observe(stats);
    expect(log.line(2_000, 'Engine 000: ')).toBe(
      'Engine 000: MFU: 3.0 TF/s/device 20.0 GB/s/device',
    );
    expect(log.line(3_000, '')).toBeNull();
  });
});
