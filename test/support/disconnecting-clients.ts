/**
 * Many clients that stream completions and hang up at random: what a server must survive without keeping anything of them.
 */
import { Agent, request } from 'node:http';
import { Prng } from '../../src/shared/prng.ts';

export interface ClientsOptions {
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface ClientsResult {
  readonly finished: number;
  readonly hungUp: number;
}

const MAX_TOKENS = 200;

/** Resolves when all clients have stopped. Half of the streams are cut after a random number of chunks. */
export async function runDisconnectingClients(options: ClientsOptions): Promise<ClientsResult> {
  const { hostname, port } = new URL(options.url);
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  const endMs = performance.now() + options.seconds * 1000;
  const result = { finished: 0, hungUp: 0 };
  const body = (seed: number): string =>
    JSON.stringify({
      model: 'tiny',
      prompt: [100, 200, 300 + (seed % 50)],
      max_tokens: MAX_TOKENS,
      ignore_eos: true,
      stream: true,
    });
  const once = (prng: Prng): Promise<void> =>
    new Promise((resolve, reject) => {
      let left = prng.nextFloat() < 0.5 ? 1 + prng.nextBelow(20) : Number.POSITIVE_INFINITY;
      const text = body(prng.nextUint32());
      const headers = { 'content-type': 'application/json', 'content-length': text.length };
      const call = request(
        { agent, hostname, port, path: '/v1/completions', method: 'POST', headers },
        (response) => {
          response.on('data', () => {
            left -= 1;
            if (left > 0) return;
            result.hungUp += 1;
            call.destroy();
            resolve();
          });
          response.on('end', () => {
            result.finished += 1;
            resolve();
          });
          response.on('error', () => resolve());
        },
      );
      call.on('error', (error) => (call.destroyed ? resolve() : reject(error)));
      call.end(text);
    });
  const client = async (index: number): Promise<void> => {
    const prng = new Prng(options.seed + index);
    while (performance.now() < endMs) await once(prng);
  };
  await Promise.all(Array.from({ length: options.clients }, (_, index) => client(index)));
  agent.destroy();
  return result;
}
