import { describe, expect, it } from 'vitest';
import { mayBecomeBatch } from '../../../../src/shared/transport/io-thread.ts';

/** /proc/PID/stat with a scheduling policy: field 41 of 52. */
function statOf(policy: number, name = 'node'): string {
  const behindName = ['S', ...Array.from({ length: 37 }, () => '7'), `${policy}`, '7', '7'];
  return `42 (${name}) ${behindName.join(' ')}\n`;
}

const UNFILTERED = 'Name:\tnode\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n';
const FILTERED = UNFILTERED.replace('Seccomp:\t0', 'Seccomp:\t2');

describe("ZeroMQ's thread", () => {
  it('may become a batch thread in a process of the normal policy that no filter holds', () => {
    expect(mayBecomeBatch(statOf(0), UNFILTERED)).toBe(true);
    expect(mayBecomeBatch(statOf(0, 'a) b (c'), UNFILTERED)).toBe(true);
  });

  it('keeps the policy of an idle or a real-time process: leaving it takes a privilege', () => {
    expect(mayBecomeBatch(statOf(5), UNFILTERED)).toBe(false);
    expect(mayBecomeBatch(statOf(1), UNFILTERED)).toBe(false);
  });

  it('keeps its policy under a seccomp filter, which may forbid the call', () => {
    expect(mayBecomeBatch(statOf(0), FILTERED)).toBe(false);
  });

  it('keeps its policy where nothing is known', () => {
    expect(mayBecomeBatch('', UNFILTERED)).toBe(false);
    expect(mayBecomeBatch(statOf(0), '')).toBe(false);
  });
});
