/**
 * The line on the estimated work since the last one, in vLLM's words.
 * Source: vllm/v1/metrics/perf.py PerfMetricsLogging (0.33.0).
 */
import type { PerfStats } from '../../shared/protocol/stats.ts';

export class PerfLog {
  #lastLogMs: number;
  #numFlops = 0;
  #numBytes = 0;

  /** `nowMs` is monotonic. */
  constructor(nowMs: number) {
    this.#lastLogMs = nowMs;
  }

  observe(stats: PerfStats): void {
    this.#numFlops += Number(stats.numFlopsPerGpu);
    this.#numBytes += Number(stats.numReadBytesPerGpu) + Number(stats.numWriteBytesPerGpu);
  }

  /** Null where nothing was done: the time goes on from the line before, as in vLLM. */
  line(nowMs: number, prefix: string): string | null {
    if (this.#numFlops === 0 && this.#numBytes === 0) return null;
    const seconds = (nowMs - this.#lastLogMs) / 1000;
    const rate = (count: number, unit: number): string =>
      (seconds > 0 ? count / seconds / unit : 0).toFixed(1);
    const text = `${prefix}MFU: ${rate(this.#numFlops, 1e12)} TF/s/device ${rate(this.#numBytes, 1e9)} GB/s/device`;
    this.#lastLogMs = nowMs;
    this.#numFlops = 0;
    this.#numBytes = 0;
    return text;
  }
}
