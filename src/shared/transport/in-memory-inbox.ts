import type { Frame } from './transport.ts';

/** Messages kept for a peer that has not bound yet, or for a handler that is not set yet; the latter drops further ones. */
export const MAX_IN_MEMORY_MESSAGES = 100_000;

export type Receive = (frames: Frame[]) => void;

/** What a socket got, kept until it has a handler. */
export class Inbox {
  private held: Promise<void> | null = null;
  private readonly early: Frame[][] = [];
  private handler: Receive | null = null;
  private isClosed = false;

  readonly receive = (frames: Frame[]): void => {
    if (this.isClosed) return;
    if (this.handler === null || this.held !== null) {
      if (this.early.length < MAX_IN_MEMORY_MESSAGES) this.early.push(frames);
    } else this.handler(frames);
  };

  setHandler(handler: Receive): void {
    if (this.handler !== null) return;
    this.handler = handler;
    for (const frames of this.early.splice(0)) this.receive(frames);
  }

  hold(until: Promise<void>): void {
    this.held = until;
    void until.then(() => {
      if (this.held !== until) return;
      this.held = null;
      for (const frames of this.early.splice(0)) this.receive(frames);
    });
  }

  close(): void {
    this.isClosed = true;
  }
}
