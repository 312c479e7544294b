import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProbeOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Looks that may find no server before it counts as dead; an answer other than 200 counts at once. */
  readonly failureThreshold: number;
  readonly retryDelayMs: number;
  readonly signal: AbortSignal;
}

/** Whether a server answers its `/health` with 200. Source: dp_supervisor.py _probe_endpoint (0.33.0). */
export async function isHealthy(options: ProbeOptions): Promise<boolean> {
  const { failureThreshold, retryDelayMs, signal } = options;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    const status = await statusOf(options);
    if (status !== null) return status === 200;
    if (attempt >= failureThreshold) return false;
    await sleep(retryDelayMs, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** Null where nobody answers in time. */
function statusOf({ url, timeoutMs, signal }: ProbeOptions): Promise<number | null> {
  return new Promise((resolve) => {
    // The servers are on this machine, and their certificate is for another name.
    const ask = url.startsWith('https:') ? requestHttps : requestHttp;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, timeoutMs))]);
    const outgoing = ask(
      url,
      { signal: limit, agent: false, rejectUnauthorized: false },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? null);
      },
    );
    outgoing.on('error', () => resolve(null));
    outgoing.end();
  });
}
