/** Collects all that nothing refers to. What a WeakRef was made of in this turn is kept to its end: await a turn before. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('the unit project runs with --expose-gc');
  globalThis.gc();
}
