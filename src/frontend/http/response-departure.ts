/** The client of one whole answer, as who waits for it sees it: gone when the response closes before its end. */
import type { ServerResponse } from 'node:http';
import type { Departure } from '../openai/workers/worker-lane.ts';

export class ResponseDeparture implements Departure {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onDisconnect(handler: () => void): void {
    const response = this.#response;
    if (response.destroyed) handler();
    else response.once('close', () => (response.writableFinished ? undefined : handler()));
  }
}
