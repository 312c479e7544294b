import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  readStartupPlan,
  type StartupPoints,
} from '../../../../src/engine-core/faults/startup-points.ts';
import { findStartupFault } from '../../../../src/engine-core/faults/startup-registry.ts';
import { FAULT_SPECS } from '../../../../src/shared/faults/catalogue.ts';
import { injectionOf } from '../../../support/faulty-start.ts';

const OWN = [Buffer.from('own')];

describe('the faults of a start', () => {
  let said: string[];
  beforeEach(() => {
    said = [];
  });

  const read = (...given: readonly Readonly<Record<string, unknown>>[]): StartupPoints => {
    const plan = given.map((one) => ({ atMs: null, injection: injectionOf(one) }));
    const points = readStartupPlan(plan, {
      info: (text: unknown) => said.push(String(text)),
    } as never);
    if (points === null) throw new Error('nothing is planned');
    return points;
  };

  it('are those of the catalogue whose place is the start-up', () => {
    const known = FAULT_SPECS.filter(({ id }) => findStartupFault(id) !== null);
    expect(known).toEqual(FAULT_SPECS.filter(({ place }) => place === 'start-up'));
  });

  it('are none where nothing is planned before HELLO', () => {
    const later = { atMs: 5, injection: injectionOf({ fault: 'engine.hang' }) };
    expect(readStartupPlan([], { info: () => {} } as never)).toBeNull();
    expect(readStartupPlan([later], { info: () => {} } as never)).toBeNull();
  });

  it('are refused where a running engine has them', () => {
    expect(() => read({ fault: 'engine.hang' })).toThrow(
      'engine.hang is no fault of a start-up: give it a time after the start instead of at: start',
    );
  });

  it('change nothing else than what they are about', async () => {
    const points = read({ fault: 'handshake.second-hello' });
    expect(points.isHelloRepeated).toBe(true);
    expect(points.isPlaceTurned).toBe(false);
    expect(points.claimedRank).toBeNull();
    expect(points.reportOrder).toBeNull();
    expect(points.fieldChanges).toEqual([]);
    expect(points.hashOf('abc')).toBe('abc');
    expect(points.hashOf(null)).toBeNull();
    expect(points.framesOf('hello', OWN)).toBe(OWN);
    await points.before('ready');
    expect(said).toEqual(['Fault handshake.second-hello begins (by the scenario)']);
  });

  it('delay a message by the sum of what is asked for', async () => {
    vi.useFakeTimers();
    const points = read(
      { fault: 'handshake.late-ready', delay: '2s' },
      { fault: 'handshake.late-ready', delay: '3s' },
    );
    let isOver = false;
    const waiting = points.before('ready').then(() => {
      isOver = true;
    });
    await points.before('hello');
    await vi.advanceTimersByTimeAsync(4_999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    vi.useRealTimers();
    expect(said.at(-1)).toBe('READY is held back for 5 s (by the scenario)');
  });

  it('stop before a message for ever', async () => {
    const points = read({ fault: 'handshake.no-ready' });
    await points.before('hello');
    const never = Symbol('never');
    const turn = new Promise((resolve) => setImmediate(() => resolve(never)));
    expect(await Promise.race([points.before('ready-response'), turn])).toBe(never);
    expect(said.at(-1)).toBe(
      'The engine stops its start before the ready response (by the scenario)',
    );
  });

  it('put bytes in the place of one message, the same for the same seed', () => {
    const garbage = (seed: number) =>
      read({ fault: 'handshake.garbage', message: 'ready', bytes: 5, seed });
    const [bytes] = garbage(3).framesOf('ready', OWN);
    expect(bytes).toHaveLength(5);
    // What MessagePack never uses.
    expect(bytes?.[0]).toBe(0xc1);
    expect(garbage(3).framesOf('ready', OWN)).toEqual([bytes]);
    expect(garbage(4).framesOf('ready', OWN)).not.toEqual([bytes]);
    expect(garbage(3).framesOf('hello', OWN)).toBe(OWN);
  });

  it('make another hash of the same form, where there is one', () => {
    const points = read({ fault: 'handshake.hash-mismatch' });
    const own = '0123456789abcdef'.repeat(4);
    expect(points.hashOf(own)).toMatch(/^[0-9a-f]{64}$/);
    expect(points.hashOf(own)).not.toBe(own);
    expect(() => points.hashOf(null)).toThrow('this engine sends no parallel_config_hash');
  });

  it('collect what is to become of fields, ranks and places', () => {
    const points = read(
      { fault: 'handshake.field', field: 'dtype', value: 'float16' },
      { fault: 'handshake.field', field: 'block_size' },
      { fault: 'handshake.field', field: 'max_loras', drop: true },
      { fault: 'handshake.wrong-rank', rank: 7 },
      { fault: 'handshake.wrong-local' },
      { fault: 'handshake.order', ranks: '2,0' },
    );
    expect(points.fieldChanges).toEqual([
      { field: 'dtype', value: 'float16' },
      { field: 'block_size', value: null },
      { field: 'max_loras', drop: true },
    ]);
    expect(points.claimedRank).toBe(7);
    expect(points.isPlaceTurned).toBe(true);
    expect(points.reportOrder).toEqual([2, 0]);
  });
});
