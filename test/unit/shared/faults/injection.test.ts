import { describe, expect, it } from 'vitest';
import { MAX_FAULT_MS, readInjection } from '../../../../src/shared/faults/injection.ts';

describe('an injection', () => {
  it.each([
    [{ fault: 'engine.hang' }, { fault: 'engine.hang', engine: null, forMs: null, parameters: {} }],
    [
      { fault: 'engine.slow', engine: 1, for: '30s', factor: 3 },
      { fault: 'engine.slow', engine: 1, forMs: 30_000, parameters: { factor: 3 } },
    ],
    [
      { fault: 'engine.slow', engine: '1', for: '250', factor: '3' },
      { fault: 'engine.slow', engine: 1, forMs: 250, parameters: { factor: 3 } },
    ],
    [
      { fault: 'engine.exit', engine: null, for: null },
      { fault: 'engine.exit', engine: null, forMs: null, parameters: { code: 1 } },
    ],
    [
      { fault: 'engine.hang', for: MAX_FAULT_MS },
      { fault: 'engine.hang', engine: null, forMs: MAX_FAULT_MS, parameters: {} },
    ],
  ])('is read from %j', (given, injection) => {
    expect(readInjection(given)).toMatchObject({ isOk: true, injection });
  });

  it.each([
    ['fault', 'an injection must be an object', 7],
    ['fault', 'an injection must be an object', ['engine.hang']],
    ['fault', 'fault is missing: one of handshake.late-hello, ', {}],
    [
      'fault',
      'there is no fault "engine.rust"; known are handshake.late-hello, ',
      { fault: 'engine.rust' },
    ],
    ['fault', 'there is no fault 7; known are ', { fault: 7 }],
    [
      'engine',
      'engine.hang: engine is -1, not the rank of an engine',
      { fault: 'engine.hang', engine: -1 },
    ],
    [
      'engine',
      'engine.hang: engine is "one", not the rank of',
      { fault: 'engine.hang', engine: 'one' },
    ],
    [
      'engine',
      'engine.hang: engine is 1.5, not the rank of',
      { fault: 'engine.hang', engine: 1.5 },
    ],
    [
      'engine',
      "coordinator.kill is no engine's: leave engine out",
      { fault: 'coordinator.kill', engine: 0 },
    ],
    ['for', 'engine.kill is over at once: it takes no `for`', { fault: 'engine.kill', for: '1s' }],
    ['for', 'engine.hang: for is "soon", not a duration', { fault: 'engine.hang', for: 'soon' }],
    ['for', 'engine.hang: for is 0, not ', { fault: 'engine.hang', for: 0 }],
    ['for', 'more than 0 and at most 168 h', { fault: 'engine.hang', for: MAX_FAULT_MS + 1 }],
    [
      'factor',
      'engine.slow: factor is 0, not a number from 0.01 to 1000',
      { fault: 'engine.slow', factor: 0 },
    ],
    [
      'speed',
      'engine.slow has no parameter speed; it takes one of factor',
      { fault: 'engine.slow', speed: 1 },
    ],
    ['ranks', 'handshake.order needs ranks: ranks of engines', { fault: 'handshake.order' }],
  ])('is refused by its %s: %s', (param, message, given) => {
    expect(readInjection(given)).toMatchObject({
      isOk: false,
      param,
      allowed: expect.any(String),
      message: expect.stringContaining(message),
    });
  });
});
