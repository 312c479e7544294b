/**
 * A network of its own with names in it, as the containers of one compose file have: a network namespace with nothing but
 * loopback, and a mount namespace with a hosts file. Every port is free there, and each name has an address of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningProcess } from './process.ts';

const HOLD = 'ip link set lo up && mount --bind "$1" /etc/hosts && echo ready && exec sleep 3600';

/** Why none can be made here, null where one can: it takes root, unshare, nsenter and ip. */
export function whyNoPrivateNetwork(): string | null {
  const { status, stderr } = spawnSync(
    'unshare',
    ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? null : (stderr ?? '').trim() || 'unshare and ip are not to be had';
}

export class PrivateNetwork {
  readonly #holder: RunningProcess;
  readonly #folder: string;

  private constructor(holder: RunningProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  static async create(names: readonly string[]): Promise<PrivateNetwork> {
    const folder = mkdtempSync(join(tmpdir(), 'private-network-'));
    const hosts = join(folder, 'hosts');
    const lines = names.map((name, index) => `127.0.1.${index + 1} ${name}`);
    writeFileSync(hosts, `${['127.0.0.1 localhost', ...lines].join('\n')}\n`);
    const words = ['--net', '--mount', 'sh', '-c', HOLD, 'sh', hosts];
    const holder = new RunningProcess('unshare', words);
    await holder.waitForLog(/ready/);
    return new PrivateNetwork(holder, folder);
  }

  /** A process in it. */
  run(command: string, words: readonly string[]): RunningProcess {
    const inside = ['--target', `${this.#holder.pid}`, '--net', '--mount', command, ...words];
    return new RunningProcess('nsenter', inside);
  }

  async close(): Promise<void> {
    await this.#holder.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
