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
