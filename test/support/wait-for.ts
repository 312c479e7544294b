/** Waits until a condition holds; fails with what it waited for after the deadline. */
export async function waitFor(
  what: string,
  condition: () => boolean,
  { timeoutMs = 2_000 } = {},
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
  { timeoutMs = 20_000, intervalMs = 50 } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
