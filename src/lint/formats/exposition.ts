/** What a server answers on /metrics, as documents show it: samples with their values, which ask nothing. */

/** Source: prometheus/docs content/docs/instrumenting/exposition_formats.md */
const SAMPLE =
  /^[a-zA-Z_:][\w:]*(?:\{[^\n]*\})?[ \t]+[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|Inf|NaN)(?:[ \t]+-?\d+)?(?:[ \t]*#.*)?$/i;

/** Whether all that the text says is samples: a name and a number beside it are no PromQL. */
export function isExposition(text: string): boolean {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^(?:\.{3}|…)$/.test(line));
  return lines.length > 0 && lines.every((line) => SAMPLE.test(line));
}
