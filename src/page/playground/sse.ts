/** The data of server-sent events, out of text that comes in pieces. */

/** A line longer than this is no event of an API of ours. */
const MAX_LINE_CHARACTERS = 4_000_000;

export interface SseReader {
  /** The data of the events that this piece ends, in order. Throws for a line beyond all measure. */
  push(text: string): readonly string[];
}

export function createSseReader(): SseReader {
  let rest = '';
  let data: string[] = [];
  return {
    push(text) {
      rest += text;
      const lines = rest.split(/\r?\n/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_CHARACTERS) {
        throw new Error(
          `a line of the stream has more than ${MAX_LINE_CHARACTERS.toLocaleString('en-US')} characters`,
        );
      }
      const events: string[] = [];
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''));
        else if (line === '' && data.length > 0) {
          events.push(data.join('\n'));
          data = [];
        }
      }
      return events;
    },
  };
}
