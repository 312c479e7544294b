const LOOP_CPU_MS = 100;

/**
 * How many times slower this machine is now than if it did nothing else: the wall-clock time of a loop by the CPU time
 * that it got, at least 1. A bound on wall-clock time is multiplied by it.
 */
export function slowdown(): number {
  const startMs = performance.now();
  const start = process.cpuUsage();
  let cpuMs = 0;
  while (cpuMs < LOOP_CPU_MS) {
    const { user, system } = process.cpuUsage(start);
    cpuMs = (user + system) / 1000;
  }
  return Math.max(1, (performance.now() - startMs) / cpuMs);
}
