/** The factor on simulated step time, on a slider with a logarithmic scale. */

import { MAX_STEP_FACTOR, MIN_STEP_FACTOR } from '../../shared/twin-api/limits.ts';

/** Positions of the slider; a hundred to a power of ten. */
export const SLIDER = {
  min: 100 * Math.log10(MIN_STEP_FACTOR),
  max: 100 * Math.log10(MAX_STEP_FACTOR),
} as const;

/** Two digits are all that a slider can mean. */
export function factorAt(position: number): number {
  return Number((10 ** (position / 100)).toPrecision(2));
}

export function positionOf(factor: number): number {
  const position = Math.round(100 * Math.log10(factor));
  return Math.min(SLIDER.max, Math.max(SLIDER.min, position));
}

/** `×0.1, ten times as fast` in numbers: `×0.1: 10 times as fast`. */
export function describeFactor(factor: number): string {
  if (factor === 1) return '×1: as on the GPU';
  const times = factor < 1 ? 1 / factor : factor;
  const shown = times >= 10 ? Math.round(times) : Number(times.toPrecision(2));
  return `×${factor}: ${shown} times as ${factor < 1 ? 'fast' : 'slow'}`;
}
