/**
 * How long a test waits for what must happen. It only decides when a broken test fails, so it is long: the machine may
 * have twenty other things to do.
 */
export const PATIENCE_MS = 25_000;

/** Waits until a condition holds; fails with what it waited for after the deadline. */
export async function waitFor(
  what: string,
  condition: () => boolean,
  { timeoutMs = PATIENCE_MS } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The same for a condition that has to ask another process. */
export async function waitUntil(
  what: string,
  condition: () => Promise<boolean>,
  { timeoutMs = PATIENCE_MS, intervalMs = 50 } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
