/** Who decides when a held start-up frame goes on: the process that asks a person, or the way to it from a child of it. */
import type { Standstill } from '../deadline.ts';

/** A frame that is held, in words. */
export interface HeldFrame {
  /** What is about to happen, in one sentence. */
  readonly sentence: string;
  /** What went by, in one line, once it has. */
  readonly passed: string;
}

/** Whether the frame goes on (true), or the start-up has ended and it is to be forgotten (false). */
export type Release = boolean;

export interface StepGate extends Standstill {
  hold(frame: HeldFrame): Promise<Release>;
}

/** From a child to its parent: a frame is held. `id` counts the child's own. */
export interface HoldMessage extends HeldFrame {
  readonly type: 'handshake-hold';
  readonly id: number;
}

/** The parent's answer. */
export interface ReleaseMessage {
  readonly type: 'handshake-release';
  readonly id: number;
  readonly release: Release;
}

/** To every child, whenever it changes: whether any process holds a frame. */
export interface StandstillMessage {
  readonly type: 'handshake-standstill';
  readonly isStandingStill: boolean;
}

/** The IPC channel of a child process, which is `process` itself. */
export interface ParentChannel {
  readonly send?: (message: HoldMessage) => boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Asks the parent over the IPC channel. Deadlines of this process stand still while any process holds a frame. */
export class ChildStepGate implements StepGate {
  readonly #channel: ParentChannel;
  readonly #waiting = new Map<number, (release: Release) => void>();
  readonly #listeners = new Set<(isStandingStill: boolean) => void>();
  #numHeld = 0;
  #isStandingStill = false;

  constructor(channel: ParentChannel) {
    this.#channel = channel;
    channel.on('message', (message) => this.#onMessage(message));
  }

  get isStandingStill(): boolean {
    return this.#isStandingStill;
  }

  onStandstill(listener: (isStandingStill: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hold(frame: HeldFrame): Promise<Release> {
    this.#numHeld += 1;
    const id = this.#numHeld;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#channel.send?.({ type: 'handshake-hold', id, ...frame });
    });
  }

  #onMessage(message: unknown): void {
    const known = message as ReleaseMessage | StandstillMessage | null;
    if (known?.type === 'handshake-release') {
      this.#waiting.get(known.id)?.(known.release);
      this.#waiting.delete(known.id);
    } else if (known?.type === 'handshake-standstill') {
      this.#isStandingStill = known.isStandingStill;
      for (const listener of this.#listeners) listener(known.isStandingStill);
    }
  }
}

/** A child's message, where it is one that asks. */
export function isHoldMessage(message: unknown): message is HoldMessage {
  return (message as HoldMessage | null)?.type === 'handshake-hold';
}
