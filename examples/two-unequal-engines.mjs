/** Two engines of one deployment with different GPUs: each keeps its own capacity in /metrics. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../bin/vllm-twin.cjs', import.meta.resolve('vllm-twin')));
const overrides = { 1: { gpu: 'L4', num_gpu_blocks_override: 1025 } };
const server = spawn(
  process.execPath,
  [
    ...[main, 'serve', 'Qwen/Qwen3-0.6B', '--port', '0', '--max-model-len', '4096'],
    ...['--data-parallel-size', '2', '--engine-overrides', JSON.stringify(overrides)],
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const ended = once(server, 'exit');

try {
  const url = await listening(server.stderr);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const line of metrics.split('\n')) {
    if (!line.startsWith('vllm:cache_config_info{')) continue;
    const label = (name) => new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1];
    const tokens = label('kv_cache_size_tokens');
    const requests = Number(label('kv_cache_max_concurrency')).toFixed(2);
    console.log(
      `engine ${label('engine')}: ${tokens} tokens, ${requests} requests of 4096 at a time`,
    );
  }
} finally {
  // The server ends its engines before it ends itself.
  server.kill('SIGTERM');
  await ended;
}

/** The address that the log tells; the rest of the log is read as well, or the pipe would fill up. */
function listening(stderr) {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stderr });
    lines.on('line', (line) => {
      const url = /server on (http:\/\/[^\s"]+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    lines.on('close', () => reject(new Error('the server ended before it listened')));
  });
}
