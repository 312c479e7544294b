import { describe, expect, it } from 'vitest';
import { createPick } from '../../../../src/frontend/faults/pick.ts';

const ALL = { first: null, every: null, share: null, seed: 0, path: '/v1' };

function taken(values: Partial<Parameters<typeof createPick>[0]>, paths: readonly string[]) {
  const takes = createPick({ ...ALL, ...values });
  return paths.map((path) => takes(path));
}

describe('which requests a fault takes', () => {
  const five = Array.from({ length: 5 }, () => '/v1/completions');

  it('takes all below its path, and no other', () => {
    expect(taken({}, ['/v1/models', '/health', '/metrics'])).toEqual([true, false, false]);
  });

  it('takes the first N', () => {
    expect(taken({ first: 2 }, five)).toEqual([true, true, false, false, false]);
  });

  it('takes every n-th', () => {
    expect(taken({ every: 2 }, five)).toEqual([false, true, false, true, false]);
  });

  it('counts only what its path fits', () => {
    const paths = ['/health', '/v1/models', '/health', '/v1/models'];
    expect(taken({ every: 2 }, paths)).toEqual([false, false, false, true]);
  });

  it('takes a seeded share, the same ones for the same seed', () => {
    const many = Array.from({ length: 1_000 }, () => '/v1/completions');
    const one = taken({ share: 0.3, seed: 7 }, many);
    expect(one.filter(Boolean).length).toBeGreaterThan(250);
    expect(one.filter(Boolean).length).toBeLessThan(350);
    expect(taken({ share: 0.3, seed: 7 }, many)).toEqual(one);
    expect(taken({ share: 0.3, seed: 8 }, many)).not.toEqual(one);
    expect(taken({ share: 0 }, many)).not.toContain(true);
    expect(taken({ share: 1 }, many)).not.toContain(false);
  });
});
