import { beforeEach, describe, expect, it } from 'vitest';
import {
  HandshakeStepper,
  type SteppedChild,
} from '../../../../src/frontend/launch/handshake-stepper.ts';
import { ChildStepGate, type HeldFrame } from '../../../../src/shared/tap/step-gate.ts';

const frame = (word: string): HeldFrame => ({ sentence: `${word} is next`, passed: word });

/** A child whose two ends of the channel stand in one process. */
class TestChild implements SteppedChild {
  readonly gate: ChildStepGate;
  readonly ended: Promise<void>;
  end: () => void = () => {};
  #toParent: (message: unknown) => void = () => {};
  #toChild: (message: unknown) => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    this.gate = new ChildStepGate({
      send: (message) => {
        this.#toParent(JSON.parse(JSON.stringify(message)));
        return true;
      },
      on: (_event, listener) => {
        this.#toChild = listener;
      },
    });
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#toParent = handler;
  }

  send(message: object): void {
    this.#toChild(JSON.parse(JSON.stringify(message)));
  }
}

describe('the queue of a start-up by hand', () => {
  let stepper: HandshakeStepper;
  let engine: TestChild;
  let coordinator: TestChild;
  let released: string[];

  beforeEach(() => {
    stepper = new HandshakeStepper();
    engine = new TestChild();
    coordinator = new TestChild();
    stepper.attach(engine);
    stepper.attach(coordinator);
    released = [];
  });

  function hold(gate: Pick<HandshakeStepper, 'hold'>, word: string): void {
    void gate.hold(frame(word)).then((isSent) => released.push(isSent ? word : `not ${word}`));
  }

  it('has the frames of all processes in the order in which they came, and lets one go at a time', async () => {
    hold(engine.gate, 'HELLO');
    hold(stepper, 'INIT');
    hold(coordinator.gate, 'READY');
    expect(stepper.state).toEqual({
      held: ['HELLO is next', 'INIT is next', 'READY is next'],
      num_released: 0,
    });
    for (const expected of [['HELLO'], ['HELLO', 'INIT'], ['HELLO', 'INIT', 'READY']]) {
      expect(stepper.next()).toBe(true);
      await new Promise(setImmediate);
      expect(released).toEqual(expected);
    }
    expect(stepper.next()).toBe(false);
    expect(stepper.state).toEqual({ held: [], num_released: 3 });
  });

  it('says what is next once, and what went by', () => {
    const said: string[] = [];
    stepper.listen({
      onNext: (next, numHeld) => said.push(`${next?.sentence ?? 'nothing'} of ${numHeld}`),
      onPassed: ({ passed }, n) => said.push(`${n}. ${passed}`),
    });
    hold(stepper, 'A');
    hold(stepper, 'B');
    stepper.next();
    stepper.next();
    expect(said).toEqual(['A is next of 1', '1. A', 'B is next of 1', '2. B', 'nothing of 0']);
  });

  it('lets deadlines stand still in every process while a frame is held', () => {
    const states = (): boolean[] =>
      [stepper, engine.gate, coordinator.gate].map((s) => s.isStandingStill);
    expect(states()).toEqual([false, false, false]);
    hold(engine.gate, 'HELLO');
    hold(engine.gate, 'READY');
    expect(states()).toEqual([true, true, true]);
    stepper.next();
    expect(states()).toEqual([true, true, true]);
    stepper.next();
    expect(states()).toEqual([false, false, false]);
  });

  it('forgets the frames of a child that ended', async () => {
    hold(engine.gate, 'HELLO');
    hold(stepper, 'INIT');
    engine.end();
    await engine.ended;
    await new Promise(setImmediate);
    expect(stepper.state?.held).toEqual(['INIT is next']);
  });

  it.each([
    ['finished', 'over', true],
    ['abandoned', 'given up', false],
  ])('that is %s holds nothing: the start-up is %s', async (how, _what, isSent) => {
    hold(engine.gate, 'HELLO');
    if (how === 'finished') stepper.finish();
    else stepper.abandon();
    hold(engine.gate, 'READY');
    await stepper.settled();
    await new Promise(setImmediate);
    expect(released).toEqual(isSent ? ['HELLO', 'READY'] : ['not HELLO', 'not READY']);
    expect([stepper.state, stepper.isStandingStill]).toEqual([null, false]);
  });
});
