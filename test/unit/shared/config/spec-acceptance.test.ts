import { describe, expect, it } from 'vitest';
import {
  acceptanceRates,
  parseSpecAcceptance,
} from '../../../../src/shared/config/spec-acceptance.ts';

describe('--spec-acceptance', () => {
  it.each([
    ['0.5', 3, [0.5, 0.25, 0.125]],
    ['0.8,0.6,0.4', 3, [0.8, 0.6, 0.4]],
    ['0.8, 0.6', 4, [0.8, 0.6, 0, 0]],
    ['1', 2, [1, 1]],
    ['0', 2, [0, 0]],
  ])('%s over %i positions', (text, numPositions, rates) => {
    expect(acceptanceRates(text, numPositions)).toEqual(rates);
  });

  it('is 0.7 for each draft where nothing is said', () => {
    expect(acceptanceRates(null, 2)).toEqual([0.7, 0.7 ** 2]);
  });

  it.each(['', '1.5', '-0.1', 'often', '0.4,0.6', '0.8,', '0.8,,0.6'])('refuses %j', (text) => {
    expect(() => parseSpecAcceptance(text)).toThrow(
      /^--spec-acceptance '.*': expected a probability from 0 to 1 \(0\.7\), or one for each position that never rises/,
    );
  });
});
