/** How soon a busy engine answers a call, on a machine as busy as it is. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { slowdown } from '../support/slowdown.ts';
import { waitUntil } from '../support/wait-for.ts';

const NUM_CALLS = 20;
/** A call waits for the step that is running, and a step of 256 requests takes a few milliseconds. */
const LIMIT_MS = 20;

let processes: EngineProcesses;
beforeEach(() => {
  processes = new EngineProcesses();
});
afterEach(() => processes.close());

it('an engine answers a call within 20 ms though it runs 256 requests in steps of no time', async () => {
  const frontend = await processes.frontend(1, { withFlood: true });
  processes.start(frontend, 1, [
    ...['--num-gpu-blocks-override', '80000', '--max-model-len', '5000'],
    ...['--hf-overrides', '{"max_position_embeddings": 5000}'],
  ]);
  await frontend.allReady();
  for (let i = 0; i < 256; i += 1)
    frontend.flood(
      0,
      createTestRequest({ requestId: `r${i}`, sampling: { maxTokens: 4_000, ignoreEos: true } }),
    );
  await waitUntil('tokens', async () => frontend.numFlooded > 5);
  const factor = slowdown();
  const numBefore = frontend.numFlooded;
  const waits: number[] = [];
  for (let i = 0; i < NUM_CALLS; i += 1) {
    const startMs = performance.now();
    await frontend.call(0, 'is_sleeping');
    waits.push(performance.now() - startMs);
  }
  expect(frontend.numFlooded, 'the engine had nothing to do').toBeGreaterThan(numBefore);
  waits.sort((a, b) => a - b);
  const allowedMs = LIMIT_MS * Math.max(factor, slowdown());
  expect(waits[NUM_CALLS / 2]).toBeLessThan(allowedMs);
});
