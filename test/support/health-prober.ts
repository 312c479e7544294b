/** Asks /health all the time from a thread of its own, so that only the server's own delays are measured. */
import { Worker } from 'node:worker_threads';

const PROBE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const http = require('node:http');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let isOver = false;
  let worstMs = 0;
  let count = 0;
  let failure = null;
  parentPort.on('message', () => { isOver = true; });
  const ask = () => new Promise((resolve, reject) => {
    http.get(workerData + '/health', { agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode)).on('error', reject);
    }).on('error', reject);
  });
  (async () => {
    while (!isOver) {
      const startMs = performance.now();
      const status = await ask();
      if (status !== 200) failure = 'status ' + status;
      worstMs = Math.max(worstMs, performance.now() - startMs);
      count += 1;
      if (count === 1) parentPort.postMessage('begun');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })().catch((error) => { failure = error.message; }).finally(() => {
    agent.destroy();
    parentPort.postMessage({ worstMs, count, failure });
    parentPort.close();
  });
`;

export interface HealthReport {
  /** The longest wait for an answer. */
  readonly worstMs: number;
  readonly count: number;
  /** Null where every answer was 200. */
  readonly failure: string | null;
}

/** What /health was like while `work` ran. */
export async function probeHealth(
  url: string,
  work: () => Promise<unknown>,
): Promise<HealthReport> {
  const worker = new Worker(PROBE, { eval: true, workerData: url, execArgv: [] });
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  const first = await next();
  if (first !== 'begun') return first as HealthReport;
  const report = next();
  try {
    await work();
  } finally {
    worker.postMessage('over');
  }
  return (await report) as HealthReport;
}
