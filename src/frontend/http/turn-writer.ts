/**
 * Gathers what a turn has for each connection and writes it at once: one engine message brings tokens for many
 * streams, and one stream may get several.
 */
export interface Flushable {
  flush(): void;
}

export class TurnWriter {
  #dirty: Flushable[] = [];
  #isFlushDue = false;

  /** Called once per connection and turn, with its first event. */
  mark(channel: Flushable): void {
    this.#dirty.push(channel);
  }

  /**
   * After the messages that have come already, which are handed over one by one in this turn: while this process is behind
   * its engines, their tokens share writes; while it is not, each message is a turn of its own.
   */
  flushSoon(): void {
    if (this.#isFlushDue || this.#dirty.length === 0) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      this.flush();
    });
  }

  flush(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const channel of dirty) channel.flush();
  }
}
