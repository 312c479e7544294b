/**
 * When what engines bring is written to the connections that it is for: one message has tokens for many streams, and where
 * several messages have come already, a stream gets those of several steps in one write.
 */
export interface Flushable {
  flush(): void;
}

/** Messages of one turn whose events share a write; one each costs 4 µs an event at 32 streams. */
const MAX_SHARED_MESSAGES = 8;

export class TurnWriter {
  #dirty: Flushable[] = [];
  /** Until the end of the turn. */
  #hasWritten = false;
  #numMessages = 0;

  /** Called once per connection and write, with its first event. */
  mark(channel: Flushable): void {
    this.#dirty.push(channel);
  }

  /**
   * After each message of an engine. The first one of a turn is written at once: nobody waits for a token because others
   * come behind it. Those that are there already, which is where this process is behind its engines, share writes, each
   * event a chunk of its own.
   */
  onMessage(): void {
    if (this.#dirty.length === 0) return;
    if (!this.#hasWritten) {
      this.#hasWritten = true;
      process.nextTick(this.#endTurn);
      this.flush();
    } else if (++this.#numMessages === MAX_SHARED_MESSAGES) this.flush();
  }

  readonly #endTurn = (): void => {
    this.#hasWritten = false;
    this.flush();
  };

  flush(): void {
    this.#numMessages = 0;
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const channel of dirty) channel.flush();
  }
}
