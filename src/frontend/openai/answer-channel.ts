/** Where an answer goes: one HTTP response, seen from the API's side. */
export interface AnswerChannel {
  /** A whole JSON answer. */
  json(status: number, body: string): void;
  /** Begins `text/event-stream`; events follow with `event`. */
  beginStream(): void;
  /** One SSE event, `data: …\n\n`; events of one turn are written together. */
  event(text: string): void;
  endStream(): void;
  /** Breaks the stream off without its end, so that the client sees that something failed. */
  breakStream(): void;
  /** Called when the client goes away before the answer is complete, at once where it is gone. The last handler counts. */
  onDisconnect(handler: () => void): void;
}

/** `data: [DONE]`, the last event of every stream. */
export const DONE_EVENT = 'data: [DONE]\n\n';
