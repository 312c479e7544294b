/** `clock pause`, `clock run`, `clock step 5`, `clock factor=0.1`: from words to what is changed. */
import { ConfigError } from '../../shared/errors.ts';
import { clockValuesProblem } from '../../shared/twin-api/clock-change.ts';
import type { ClockChange } from '../../shared/twin-api/engine-views.ts';

export const CLOCK_WORDS = 'pause, run, step N, factor=F';

/** Null where there are no words: then the clock is only looked at. Throws E_BAD_FLAG. */
export function readClockWords(words: readonly string[]): ClockChange | null {
  if (words.length === 0) return null;
  let change: ClockChange = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const setting = /^(factor|steps?|state)=(.*)$/.exec(word);
    if (word === 'pause') change = { ...change, state: 'paused' };
    else if (word === 'run') change = { ...change, state: 'running' };
    else if (word === 'step') {
      const count = words[i + 1];
      const isCount = count !== undefined && /^\d+$/.test(count);
      if (isCount) i += 1;
      change = { ...change, steps: isCount ? Number(count) : 1 };
    } else if (setting?.[1] === 'factor') change = { ...change, factor: Number(setting[2]) };
    else if (setting?.[1] === 'state') change = { ...change, state: setting[2] as 'paused' };
    else if (setting !== null) change = { ...change, steps: Number(setting[2]) };
    else throw new ConfigError('E_BAD_FLAG', `ctl clock: '${word}' is none of ${CLOCK_WORDS}`);
  }
  const problem = clockValuesProblem(change);
  if (problem !== null) throw new ConfigError('E_BAD_FLAG', `ctl clock: ${problem}`);
  return change;
}
