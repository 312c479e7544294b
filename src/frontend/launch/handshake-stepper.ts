/**
 * The one queue of a start-up that is gone through by hand: held frames of all processes in the order in which they were
 * held, and `next`, which lets exactly one go. While any is held, deadlines stand still, here and in the children.
 */
import {
  type HeldFrame,
  isHoldMessage,
  type Release,
  type ReleaseMessage,
  type StandstillMessage,
  type StepGate,
} from '../../shared/tap/step-gate.ts';
import type { HandshakeStepState } from '../../shared/twin-api/state.ts';
import type { Child } from './child.ts';

/** Frames held at a time; 1,024 engines have not as many. What comes beyond is let go at once. */
export const MAX_HELD_FRAMES = 8_192;

/** What the queue needs of a child process. */
export type SteppedChild = Pick<Child, 'send' | 'onMessage' | 'ended'>;

export interface StepListener {
  /** The frame that goes next, and how many are held; null where none is. */
  onNext?(next: HeldFrame | null, numHeld: number): void;
  /** A frame was let go; counts from 1. */
  onPassed?(frame: HeldFrame, n: number): void;
}

interface Entry {
  readonly frame: HeldFrame;
  readonly owner: SteppedChild | null;
  readonly decide: (release: Release) => void;
}

export class HandshakeStepper implements StepGate {
  #held: Entry[] = [];
  #numReleased = 0;
  /** What is answered at once; null while frames are held. */
  #answer: Release | null = null;
  readonly #children = new Set<SteppedChild>();
  readonly #standstills = new Set<(isStandingStill: boolean) => void>();
  readonly #listeners = new Set<StepListener>();
  #wasStandingStill = false;

  get isStandingStill(): boolean {
    return this.#held.length > 0;
  }

  get isOver(): boolean {
    return this.#answer !== null;
  }

  onStandstill(listener: (isStandingStill: boolean) => void): () => void {
    this.#standstills.add(listener);
    return () => this.#standstills.delete(listener);
  }

  listen(listener: StepListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Null once the start-up is over. */
  get state(): HandshakeStepState | null {
    if (this.isOver) return null;
    return {
      held: this.#held.map(({ frame }) => frame.sentence),
      num_released: this.#numReleased,
    };
  }

  hold(frame: HeldFrame): Promise<Release> {
    return this.#hold(frame, null);
  }

  /** Takes the child's frames into the queue; they leave it when the child ends. */
  attach(child: SteppedChild): void {
    this.#children.add(child);
    child.onMessage((message) => {
      if (!isHoldMessage(message)) return;
      const { id, sentence, passed } = message;
      void this.#hold({ sentence, passed }, child).then((release) => {
        child.send({ type: 'handshake-release', id, release } satisfies ReleaseMessage);
      });
    });
    void child.ended.then(() => {
      this.#children.delete(child);
      this.#forget((entry) => entry.owner === child);
    });
  }

  /** Lets one frame go. False where none is held. */
  next(): boolean {
    const entry = this.#held.shift();
    if (entry === undefined) return false;
    this.#numReleased += 1;
    entry.decide(true);
    for (const listener of this.#listeners) listener.onPassed?.(entry.frame, this.#numReleased);
    this.#tell(true);
    return true;
  }

  /** Resolves when nothing is held. */
  settled(): Promise<void> {
    if (this.#held.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.onStandstill((isStandingStill) => {
        if (isStandingStill) return;
        stop();
        resolve();
      });
    });
  }

  /** The start-up is over: nothing is held any more. */
  finish(): void {
    this.#end(true);
  }

  /** The start-up was given up: what is held is forgotten. Idempotent, and nothing after `finish`. */
  abandon(): void {
    this.#end(false);
  }

  #end(answer: Release): void {
    if (this.#answer !== null) return;
    this.#answer = answer;
    const held = this.#held;
    this.#held = [];
    for (const entry of held) entry.decide(answer);
    if (held.length > 0) this.#tell(true);
  }

  #hold(frame: HeldFrame, owner: SteppedChild | null): Promise<Release> {
    if (this.#answer !== null) return Promise.resolve(this.#answer);
    if (this.#held.length >= MAX_HELD_FRAMES) return Promise.resolve(true);
    return new Promise((decide) => {
      this.#held.push({ frame, owner, decide });
      this.#tell(this.#held.length === 1);
    });
  }

  #forget(isGone: (entry: Entry) => boolean): void {
    const gone = this.#held.filter(isGone);
    if (gone.length === 0) return;
    const [first] = this.#held;
    this.#held = this.#held.filter((entry) => !gone.includes(entry));
    for (const entry of gone) entry.decide(false);
    this.#tell(first !== undefined && gone.includes(first));
  }

  /** After every change; `isNextNew` where another frame is at the head. */
  #tell(isNextNew: boolean): void {
    this.#tellStandstill();
    if (!isNextNew) return;
    const next = this.#held[0]?.frame ?? null;
    for (const listener of this.#listeners) listener.onNext?.(next, this.#held.length);
  }

  #tellStandstill(): void {
    const { isStandingStill } = this;
    if (isStandingStill === this.#wasStandingStill) return;
    this.#wasStandingStill = isStandingStill;
    const message: StandstillMessage = { type: 'handshake-standstill', isStandingStill };
    for (const child of this.#children) child.send(message);
    for (const listener of [...this.#standstills]) listener(isStandingStill);
  }
}
