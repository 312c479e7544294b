/** Negative where `a` came before `b`; `0.9.2` did before `0.10.0`. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
