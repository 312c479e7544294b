/** What a server answers on /metrics, as documents show it: samples with their values, which ask nothing. */
import { isSampleLine } from '../../shared/exposition.ts';

/** Whether all that the text says is samples: a name and a number beside it are no PromQL. */
export function isExposition(text: string): boolean {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^(?:\.{3}|…)$/.test(line));
  return lines.length > 0 && lines.every(isSampleLine);
}
