import { describe, expect, it } from 'vitest';
import { StepClock } from '../../../src/engine-core/step-clock.ts';

describe('the step clock', () => {
  it('runs at the pace of the latency model until it is told otherwise', () => {
    const clock = new StepClock();
    expect(clock.state).toEqual({ state: 'running', factor: 1, steps_left: 0 });
    expect(clock.scale(20)).toBe(20);
    expect(clock.isHeld).toBe(false);
  });

  it('stretches and shortens simulated time', () => {
    const clock = new StepClock();
    expect(clock.change({ factor: 0.1 })).toMatchObject({ state: 'running', factor: 0.1 });
    expect(clock.scale(20)).toBe(2);
    clock.change({ factor: 10 });
    expect(clock.scale(20)).toBe(200);
  });

  it('stands, and lets so many steps through as it is told', () => {
    const clock = new StepClock();
    clock.change({ state: 'paused' });
    expect(clock.isHeld).toBe(true);
    expect(clock.change({ steps: 2 })).toEqual({ state: 'paused', factor: 1, steps_left: 2 });
    expect(clock.isHeld).toBe(false);
    clock.countStep();
    clock.countStep();
    expect(clock.isHeld).toBe(true);
    expect(clock.change({ state: 'running' }).state).toBe('running');
    expect(clock.isHeld).toBe(false);
  });

  it('stands behind the steps that a running engine is given', () => {
    const clock = new StepClock();
    expect(clock.change({ steps: 1 })).toEqual({ state: 'paused', factor: 1, steps_left: 1 });
  });

  it.each([
    [{ factor: 0.009 }, 'factor: expected a number from 0.01 to 10, got 0.009'],
    [{ factor: 11 }, 'factor: expected a number from 0.01 to 10, got 11'],
    [{ factor: 'fast' }, 'factor: expected a number from 0.01 to 10, got "fast"'],
    [{ factor: Number.NaN }, 'factor: expected a number from 0.01 to 10, got null'],
    [{ steps: 0 }, 'steps: expected a whole number from 1 to 1000000, got 0'],
    [{ steps: 1.5 }, 'steps: expected a whole number from 1 to 1000000, got 1.5'],
    [{ steps: 2_000_000 }, 'steps: expected a whole number from 1 to 1000000, got 2000000'],
    [{ state: 'stopped' }, 'state: expected paused or running, got "stopped"'],
    [
      { state: 'running', steps: 1 },
      'steps: only while paused; leave out state, or set it to paused',
    ],
    [{ speed: 2 }, 'speed: unknown; one of state, steps, factor'],
    [null, 'expected an object with state, steps, factor'],
    ['paused', 'expected an object with state, steps, factor'],
  ])('refuses %j and stays as it is', (change, message) => {
    const clock = new StepClock();
    expect(() => clock.change(change)).toThrow(message);
    expect(clock.state).toEqual({ state: 'running', factor: 1, steps_left: 0 });
  });

  it('leaves as it is what is null', () => {
    const clock = new StepClock();
    clock.change({ factor: 2 });
    const change = { state: null, steps: 3, factor: null };
    expect(clock.change(change)).toEqual({ state: 'paused', factor: 2, steps_left: 3 });
    expect(clock.change({})).toEqual(clock.state);
  });

  it('changes nothing where one of several changes is bad', () => {
    const clock = new StepClock();
    expect(() => clock.change({ state: 'paused', factor: 100 })).toThrow('factor');
    expect(clock.state.state).toBe('running');
  });
});
