/**
 * 500 streaming clients for 60 s that hang up at random, against the built product: memory, file descriptors and requests
 * before and after. `--quick`: 50 clients for 5 s.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { runDisconnectingClients } from '../test/support/disconnecting-clients.ts';
import { samplesByKey } from '../test/support/exposition.ts';
import { TINYMODEL, Twin } from '../test/support/twin.ts';

const isQuick = process.argv.includes('--quick');
const clients = isQuick ? 50 : 500;
const seconds = isQuick ? 5 : 60;
const size = ['--max-model-len', '1024', '--num-gpu-blocks-override', '20001'];
const words = [
  '--served-model-name',
  'tiny',
  '--port',
  '0',
  '--step-time',
  '2',
  '--log-level',
  'error',
];
const twin = new Twin(['serve', TINYMODEL, ...size, ...words]);

function state(): string {
  const rss = Number(
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${twin.pid}/status`, 'utf8'))?.[1] ?? 0,
  );
  return `frontend ${(rss / 1024).toFixed(0)} MB, ${readdirSync(`/proc/${twin.pid}/fd`).length} file descriptors`;
}

try {
  const [, url = ''] = await twin.waitForLog(/(http:\/\/\S+)/);
  await runDisconnectingClients({ url, clients, seconds: 2, seed: 7 });
  console.log(`warm:  ${state()}`);
  const { finished, hungUp } = await runDisconnectingClients({ url, clients, seconds, seed: 1 });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  console.log(`after: ${state()}; ${finished} streams finished, ${hungUp} hung up`);
  const samples = samplesByKey(await (await fetch(`${url}/metrics`)).text());
  for (const name of ['num_requests_running', 'num_requests_waiting', 'kv_cache_usage_perc'])
    console.log(`vllm:${name} ${samples.get(`vllm:${name}{engine="0",model_name="tiny"}`)}`);
} finally {
  await twin.stop();
}
