/** `--spec-acceptance`: how often drafts are right. */
import { ConfigError } from '../errors.ts';

/** Share of drafts that hold where nothing is said: what EAGLE and MTP drafters reach on chat. */
const DEFAULT_ACCEPTANCE = 0.7;

/**
 * The chance that the drafts up to each position are all right, so never rising: what vLLM logs as "Per-position acceptance
 * rate". One probability is that of each draft after right ones; a list says the rates themselves, and positions beyond it
 * are never right. Null is the default. Throws E_BAD_FLAG.
 */
export function acceptanceRates(text: string | null, numPositions: number): readonly number[] {
  const values = text === null ? [DEFAULT_ACCEPTANCE] : parseSpecAcceptance(text);
  const [single] = values;
  if (values.length === 1 && single !== undefined)
    return Array.from({ length: numPositions }, (_, position) => single ** (position + 1));
  return Array.from({ length: numPositions }, (_, position) => values[position] ?? 0);
}

/** Throws E_BAD_FLAG for what is no probability and no falling list of them. */
export function parseSpecAcceptance(text: string): readonly number[] {
  const values = text.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)));
  const isRate = values.every((value) => value >= 0 && value <= 1);
  const isFalling = values.every((value, index) => value <= (values[index - 1] ?? 1));
  if (isRate && isFalling) return values;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--spec-acceptance '${text}': expected a probability from 0 to 1 (0.7), or one for each position that never rises ` +
      '(0.8,0.6,0.4)',
  );
}
