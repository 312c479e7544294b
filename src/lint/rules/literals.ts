/** Strings, numbers and durations as PromQL writes them. */

/** A string of PromQL: escapes as in Go, none between backquotes. */
export function unquoted(text: string): string {
  const inside = text.replace(/^(["'`])([\s\S]*?)\1?$/, '$2');
  return text.startsWith('`')
    ? inside
    : inside.replace(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

export function numberOf(text: string): number | null {
  const plain = text.replaceAll('_', '').replace(/\s/g, '');
  if (/^[+-]?inf$/i.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity;
  const value = Number(plain);
  return Number.isNaN(value) ? secondsOf(plain) : value;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

export function secondsOf(text: string): number | null {
  const trimmed = text.trim();
  if (!/^(\d+(ms|[smhdwy]))+$/.test(trimmed)) return null;
  return [...trimmed.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0),
    0,
  );
}
