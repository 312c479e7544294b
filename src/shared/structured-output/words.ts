/** Plain words for what a constraint leaves open: short, ASCII, and fit for a name or a sentence. */
import type { Prng } from '../prng.ts';

const WORDS = (
  'amber bridge cedar delta ember forest garden harbor island jasmine kettle lantern meadow north orchard ' +
  'pebble quartz river summer timber umber valley willow yellow zephyr'
).split(' ');

export function pickWord(prng: Prng): string {
  return WORDS[Math.floor(prng.nextFloat() * WORDS.length)] ?? 'word';
}

/** A few words, none of which holds any of the texts. */
export function proseOf(prng: Prng, without: readonly string[]): string {
  const count = 2 + Math.floor(prng.nextFloat() * 4);
  const prose = Array.from({ length: count }, () => pickWord(prng)).join(' ');
  return without.some((text) => text !== '' && prose.includes(text)) ? '' : prose;
}
