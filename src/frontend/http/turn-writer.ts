/**
 * Gathers what a turn has for each connection and writes it at once: one engine message brings tokens for many
 * streams, and one stream may get several.
 */
export interface Flushable {
  flush(): void;
}

export class TurnWriter {
  #dirty: Flushable[] = [];

  /** Called once per connection and turn, with its first event. */
  mark(channel: Flushable): void {
    this.#dirty.push(channel);
  }

  flush(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const channel of dirty) channel.flush();
  }
}
