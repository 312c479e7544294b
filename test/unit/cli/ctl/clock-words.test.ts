import { describe, expect, it } from 'vitest';
import { readClockWords } from '../../../../src/cli/ctl/clock-words.ts';

describe('the words of ctl clock', () => {
  it.each([
    ['', null],
    ['pause', { state: 'paused' }],
    ['run', { state: 'running' }],
    ['step', { steps: 1 }],
    ['step 12', { steps: 12 }],
    ['steps=3', { steps: 3 }],
    ['factor=0.1', { factor: 0.1 }],
    ['run factor=10', { state: 'running', factor: 10 }],
    ['pause step 2 factor=0.5', { state: 'paused', steps: 2, factor: 0.5 }],
  ])('%s', (text, change) => {
    expect(readClockWords(text === '' ? [] : text.split(' '))).toEqual(change);
  });

  it.each([
    ['stop', 'none of pause, run, step N, factor=F'],
    ['factor=0', 'from 0.01 to 10'],
    ['factor=11', 'from 0.01 to 10'],
    ['factor=fast', 'factor'],
    ['step 0', 'from 1'],
    ['run step 2', 'only while paused'],
    ['state=halted', 'paused or running'],
  ])('%s is refused with what to do', (text, words) => {
    expect(() => readClockWords(text.split(' '))).toThrow(words);
  });
});
