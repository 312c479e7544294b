/** Faults of a running server, over its HTTP API; and what a client sees meanwhile. */
import { samplesByKey } from './exposition.ts';

export class TwinFaults {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Its handle; throws what a refusal says. */
  async inject(request: Readonly<Record<string, unknown>>): Promise<string> {
    const response = await this.post(request);
    const answer = (await response.json()) as { handle?: string };
    if (response.status !== 201 || answer.handle === undefined)
      throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    return answer.handle;
  }

  post(request: Readonly<Record<string, unknown>>): Promise<Response> {
    return fetch(`${this.url}/twin/api/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(request),
    });
  }

  /** The status of the answer. */
  async clear(handle: string): Promise<number> {
    const response = await fetch(`${this.url}/twin/api/faults/${handle}`, { method: 'DELETE' });
    return response.status;
  }

  /** Of a new connection, which any of several API servers may take; the error's code where there is no answer. */
  async status(path: string): Promise<number | string> {
    try {
      const response = await fetch(`${this.url}${path}`, { headers: { connection: 'close' } });
      await response.arrayBuffer();
      return response.status;
    } catch (error) {
      return (error as { cause?: { code?: string } }).cause?.code ?? String(error);
    }
  }

  complete(
    body: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(`${this.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ prompt: 'hi', max_tokens: 4, ignore_eos: true, ...body }),
    });
  }

  async body(): Promise<string> {
    const response = await fetch(`${this.url}/metrics`, { headers: { connection: 'close' } });
    return response.text();
  }

  async samples(): Promise<ReadonlyMap<string, number>> {
    return samplesByKey(await this.body());
  }
}
