/**
 * What a newcomer waits for: `npm start` in a fresh clone of what is committed here, with nothing in any cache, to the first
 * 200 of /health. It asks the package registry for all that it installs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../test/support/free-ports.ts';
import { RunningProcess } from '../../test/support/process.ts';
import { waitUntil } from '../../test/support/wait-for.ts';
import { ALL_CORES, pinned } from './pinning.ts';
import { treeOf } from './process-tree.ts';
import type { Row } from './row.ts';
import { cpuWhile, type Sample } from './sample.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEADLINE_MS = 300_000;
const POLL_MS = 20;

async function measureFreshClone(): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-fresh-'));
  const clone = join(folder, 'clone');
  try {
    execFileSync('git', ['clone', '--quiet', ROOT, clone]);
    const [port = 0] = await freePorts(1);
    const [file = '', ...args] = pinned(ALL_CORES, ['npm', 'start', '--', '--port', String(port)]);
    const caches = { npm_config_cache: join(folder, 'npm'), XDG_CACHE_HOME: join(folder, 'xdg') };
    const { seconds, othersPercent } = await cpuWhile([], async () => {
      const start = new RunningProcess(file, args, { cwd: clone, env: caches });
      try {
        await untilHealthy(start, port);
      } finally {
        for (const pid of treeOf([start.pid]).toReversed()) process.kill(pid);
        await start.exited;
      }
    });
    return { value: seconds, othersPercent, clientPercent: null };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function untilHealthy(start: RunningProcess, port: number): Promise<void> {
  const isHealthy = async (): Promise<boolean> => {
    if (start.exit !== null) throw new Error(`npm start ended:\n${start.log}`);
    return (await fetch(`http://127.0.0.1:${port}/health`).catch(() => null))?.status === 200;
  };
  const times = { timeoutMs: DEADLINE_MS, intervalMs: POLL_MS };
  await waitUntil('200 of /health of a fresh clone', isHealthy, times);
}

export const FRESH_CLONE_ROW: Row = {
  name: 'fresh-clone',
  title: 'fresh clone, npm start to /health, nothing cached',
  async run({ settings, peers }) {
    await peers.stop();
    const samples: Sample[] = [];
    for (let round = 0; round < settings.repetitions; round += 1)
      samples.push(await measureFreshClone());
    return [
      {
        ...{ row: this.name, title: this.title, unit: 's' },
        measured: [{ peer: 'twin', samples }],
        bounds: [{ against: null, aim: 20, met: null }],
      },
    ];
  },
};
