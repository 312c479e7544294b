/** The events of a stream that runs in the background, for those who read it now or later. */
import type { AnswerChannel } from '../answer-channel.ts';

const LAST_EVENT = /^event: response\.(?:completed|incomplete)\n/;
const BETWEEN_EVENTS = /(?<=\n\n)/;

export class EventLog {
  readonly #events: string[] = [];
  readonly #followers = new Set<() => void>();
  #isOver = false;

  /** Characters that it holds. */
  size = 0;

  /** One or several SSE events. */
  append(text: string): void {
    for (const event of text.split(BETWEEN_EVENTS)) this.#events.push(event);
    this.size += text.length;
    this.#tell();
  }

  /** Nothing follows: complete, failed or cancelled. */
  end(): void {
    this.#isOver = true;
    this.#tell();
    this.#followers.clear();
  }

  #tell(): void {
    for (const follower of [...this.#followers]) follower();
  }

  /**
   * Streams the events from `index` on, those that are there and those that come; a client that leaves ends only that.
   * A negative index counts from the end, as a Python list's.
   */
  follow(channel: AnswerChannel, index: number): void {
    let next = index;
    const write = (): void => {
      while (next < this.#events.length) {
        const event = this.#events.at(next) ?? '';
        channel.event(event);
        next += 1;
        if (LAST_EVENT.test(event)) {
          stop();
          return;
        }
      }
      if (this.#isOver) stop();
    };
    const stop = (): void => {
      this.#followers.delete(write);
      channel.endStream();
    };
    channel.onDisconnect(() => this.#followers.delete(write));
    channel.beginStream();
    this.#followers.add(write);
    write();
  }
}
