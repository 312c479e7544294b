/** One POST on a connection of its own: kept ones may be closed by the server in the moment in which they are used again. */
import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Rejects where the answer breaks off. */
export function post(url: string, body: string, signal: AbortSignal): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: false, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
