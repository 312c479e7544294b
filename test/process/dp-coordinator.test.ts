/** The coordinator as its own process, over real sockets: what it announces, what it does, and that it ends with its parent. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorAddresses } from '../../src/frontend/dp-coordinator/dp-coordinator-proc.ts';
import type { CoordinatorUpdate } from '../../src/shared/protocol/coordinator.ts';
import {
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../../src/shared/protocol/defaults.ts';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import { SUBSCRIBE_ALL } from '../../src/shared/protocol/messages/coordinator-messages.ts';
import type { Closable } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import { packageFile } from '../support/package.ts';
import { isAlive } from '../support/process.ts';
import { wireCodec } from '../support/wire-codec.ts';

const { decodeCoordinatorUpdate, encodeEngineCoreOutputs, isCoordinatorReady } = wireCodec;

const MAIN = packageFile('dist/frontend/dp-coordinator/main.cjs');
const SETTINGS = JSON.stringify({
  engineCount: 1,
  enableWaveCoordination: false,
  frontendStatsPublishAddress: 'tcp://127.0.0.1:0',
  coordinatorInputAddress: 'tcp://127.0.0.1:0',
  coordinatorOutputAddress: 'tcp://127.0.0.1:0',
  vllmVersion: VLLM_VERSION,
  logLevel: 'error',
  logFormat: 'json',
});

describe('the DP coordinator process', () => {
  const children: ChildProcess[] = [];
  const sockets: Closable[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
  });

  it('announces its addresses, greets the engine and publishes its counts', async () => {
    const child = fork(MAIN, [SETTINGS], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(child);
    const [ready] = (await once(child, 'message')) as [CoordinatorAddresses & { type: string }];
    expect(ready.type).toBe('ready');

    const transport = createZmqTransport();
    const options = { lingerMs: 0, identity: identityFromEngineIndex(0) };
    const engine = transport.connectXSub(ready.coordinatorInputAddress, options);
    const front = transport.connectXSub(ready.frontendStatsPublishAddress, options);
    const push = transport.connectPush(ready.coordinatorOutputAddress, { lingerMs: 0 });
    sockets.push(engine, front, push);
    const greetings: boolean[] = [];
    engine.onMessage((frames) => greetings.push(isCoordinatorReady(frames)));
    const updates: CoordinatorUpdate[] = [];
    front.onMessage((frames) => updates.push(decodeCoordinatorUpdate(frames)));
    front.send([SUBSCRIBE_ALL]);
    engine.send([SUBSCRIBE_ALL]);
    await vi.waitFor(() => expect(greetings).toEqual([true]), { timeout: 10_000 });
    const schedulerStats = createSchedulerStats({ numRunningReqs: 3, kvCacheUsage: 0.5 });
    push.send(encodeEngineCoreOutputs(createEngineCoreOutputs({ timestamp: 1, schedulerStats })));
    await vi.waitFor(() => expect(updates.at(-1)?.counts).toEqual([[0, 3, 0.5]]), {
      timeout: 10_000,
    });

    child.disconnect();
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  it('ends when its parent is killed', async () => {
    const parentCode = `
      const { fork } = require('node:child_process');
      const child = fork(${JSON.stringify(MAIN)}, [${JSON.stringify(SETTINGS)}]);
      child.on('message', () => process.stdout.write(child.pid + '\\n'));
    `;
    const parent = spawn(process.execPath, ['-e', parentCode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });
});
