/** A process that closes its sockets and runs out of work loses none of its last messages, not even to a slow reader. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PullSocket } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { newIpcAddress, newTcpAddress } from '../support/describe-transport.ts';
import { packageFile } from '../support/package.ts';

const NUM_MESSAGES = 20_000;
const TRANSPORT = fileURLToPath(new URL('../../src/shared/transport', import.meta.url));

describe('the last messages of a process', () => {
  const children: ChildProcess[] = [];
  const pulls: PullSocket[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(pulls.splice(0).map((pull) => pull.close()));
  });

  it.each([
    ['ipc', newIpcAddress],
    ['tcp', newTcpAddress],
  ])('arrive over %s though it exits at once', async (_, newAddress) => {
    const pull = await createZmqTransport().bindPull(newAddress(), { lingerMs: 0 });
    pulls.push(pull);
    const code = await bundled(`
      import { createZmqTransport } from './zmq.ts';
      const push = createZmqTransport().connectPush(process.argv[1], { lingerMs: 10_000 });
      for (let i = 0; i < ${NUM_MESSAGES}; i++) push.send([Buffer.alloc(500, i)]);
      await push.close();
      process.exitCode = 7;
    `);
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, pull.address], {
      // The addon is the package's.
      cwd: packageFile(''),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    let numReceived = 0;
    let numInOrder = 0;
    pull.onMessage(([frame]) => {
      if (frame?.length === 500 && frame[0] === numReceived % 256) numInOrder++;
      numReceived++;
    });
    const [exitCode] = (await once(child, 'exit')) as [number];
    expect(exitCode).toBe(7);
    await vi.waitFor(() => expect(numReceived).toBe(NUM_MESSAGES), { timeout: 10_000 });
    expect(numInOrder).toBe(NUM_MESSAGES);
  });
});

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: TRANSPORT, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    packages: 'external',
  });
  return outputFiles[0]?.text ?? '';
}
