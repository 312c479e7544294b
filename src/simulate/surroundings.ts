/** What a simulated process finds around it, where a real one asks the system: the same at every run. */

import type { FrontendMetricsOptions } from '../frontend/metrics/frontend-metrics.ts';
import type { Clock } from '../shared/clock.ts';
import { Prng } from '../shared/prng.ts';

/** When it began is known; memory, CPU time and files of its own it has none. */
export function simulatedProcessFigures(
  clock: Clock,
): NonNullable<FrontendMetricsOptions['readProcessFigures']> {
  const startTimeSeconds = clock.wallMs() / 1000;
  return () => ({
    virtualMemoryBytes: 0,
    residentMemoryBytes: 0,
    startTimeSeconds,
    cpuSeconds: 0,
    openFds: 0,
    maxFds: 0,
  });
}

/** Hexadecimal digits out of a seed, for ids. */
export function seededHex(seed: number): (length: number) => string {
  const prng = new Prng(seed);
  return (length) => {
    let text = '';
    while (text.length < length) text += prng.nextUint32().toString(16).padStart(8, '0');
    return text.slice(0, length);
  };
}
