/** Calls whose answer waits until the engine has nothing left to do: a live engine sends it without any further message. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { waitUntil } from '../support/wait-for.ts';
import type { ZmqFrontend } from '../support/zmq-frontend.ts';

let processes: EngineProcesses;
let frontend: ZmqFrontend;
beforeEach(async () => {
  processes = new EngineProcesses();
  frontend = await processes.frontend(1);
  processes.start(frontend, 1, ['--step-time', '5', '--enable-sleep-mode']);
  await frontend.allReady();
});
afterEach(() => processes.close());

it.each([
  ['pause_scheduler', ['wait', true]],
  ['pause_generation', ['wait', false]],
  ['sleep', [1, 'wait']],
])('%s %j is answered after the last token of what was running', async (method, args) => {
  const request = createTestRequest({
    requestId: 'running',
    sampling: { maxTokens: 60, ignoreEos: true },
  });
  frontend.send(0, { type: 'ADD', request });
  await waitUntil('the first token', async () =>
    frontend.outputs.some(({ outputs }) => outputs.length > 0),
  );
  frontend.send(0, { type: 'UTILITY', call: { clientIndex: 0, callId: 7, method, args } });
  await waitUntil('the answer', async () =>
    frontend.outputs.some(({ utilityOutput }) => utilityOutput !== null),
  );
  const answerAt = frontend.outputs.findIndex(({ utilityOutput }) => utilityOutput !== null);
  const finishAt = frontend.outputs.findIndex(({ outputs }) =>
    outputs.some(({ finishReason }) => finishReason !== null),
  );
  expect(finishAt).toBeGreaterThan(0);
  expect(answerAt).toBeGreaterThan(finishAt);
  expect(frontend.outputs[answerAt]?.utilityOutput).toMatchObject({ failureMessage: null });
});
