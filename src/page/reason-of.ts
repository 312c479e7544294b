/** What was thrown, in words: code of others may throw anything. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
