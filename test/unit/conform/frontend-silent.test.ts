import { expect, it } from 'vitest';
import type { CheckResult } from '../../../src/conform/check.ts';
import type { Fetch } from '../../../src/conform/frontend/http-side.ts';
import { runFrontendChecks } from '../../../src/conform/frontend/run-frontend-checks.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import { VLLM_VERSION } from '../../../src/shared/version.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const HANDSHAKE = 'tcp://127.0.0.1:1';

/** Nobody ever answers. */
const silent: Fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
  });

async function judge(transport = createInMemoryTransport()): Promise<readonly CheckResult[]> {
  return runFrontendChecks({
    handshakeAddress: HANDSHAKE,
    dataParallelSize: 2,
    httpUrl: 'http://127.0.0.1:1',
    metricsUrl: 'http://127.0.0.1:1/metrics',
    version: WIRE_VERSIONS[VLLM_VERSION],
    clock: systemClock,
    waitMs: 200,
    startMs: 600,
    transport,
    fetch: silent,
  });
}

function resultOf(results: readonly CheckResult[], id: string): CheckResult | undefined {
  return results.find((result) => result.id === id);
}

it('a frontend that is not there fails its start, and the rest says why it was not looked at', async () => {
  const begunMs = performance.now();
  const results = await judge();
  expect(performance.now() - begunMs).toBeLessThan(20_000);
  expect(results.filter(({ verdict }) => verdict === 'passed')).toEqual([]);
  expect(resultOf(results, 'frontend.init.once')).toMatchObject({
    verdict: 'failed',
    expected: expect.stringMatching(
      /^Each HELLO of a new engine is answered with one INIT.* Here: \[1,1\]$/,
    ),
    got: '[0,0]',
  });
  expect(resultOf(results, 'frontend.add.form')).toMatchObject({
    verdict: 'not_applicable',
    got: 'the start did not come to its end: INIT for a HELLO: nothing within 0.2 s',
  });
});

it('a frontend that goes silent after INIT fails what comes next, in its time', async () => {
  const transport = createInMemoryTransport();
  const handshake = await transport.bindRouter(HANDSHAKE, { lingerMs: 0, handover: false });
  handshake.onMessage((identity, frames) => {
    if (wireCodec.decodeHandshakeMessage(frames).status !== 'HELLO') return;
    const addresses = {
      inputs: ['tcp://127.0.0.1:2'],
      outputs: ['tcp://127.0.0.1:3'],
      coordinatorInput: null,
      coordinatorOutput: null,
      frontendStatsPublishAddress: null,
    };
    handshake.sendTo(
      identity,
      wireCodec.encodeHandshakeMetadata({ addresses, parallelConfig: {} }),
    );
  });
  const begunMs = performance.now();
  const results = await judge(transport);
  expect(performance.now() - begunMs).toBeLessThan(20_000);
  expect(resultOf(results, 'frontend.init.once')?.verdict).toBe('passed');
  expect(resultOf(results, 'frontend.start.order')?.verdict).toBe('failed');
  expect(resultOf(results, 'frontend.add.form')).toMatchObject({
    verdict: 'not_applicable',
    got: 'the frontend has served nothing since its start, which start.order tells',
  });
  await handshake.close();
});
