/** Processes that `serve` starts with their settings, started by a person without. */
import { expect, it } from 'vitest';
import { packageFile } from '../support/package.ts';
import { RunningProcess } from '../support/process.ts';

it.each([
  ['engine-core', [], "an engine core's settings: expects them as one word of JSON"],
  ['engine-core', ['--help'], "an engine core's settings: '--help' is not JSON"],
  ['engine-core', ['{"rank": "0"}'], 'rank is "0", not an integer of at least 0'],
  ['frontend/dp-coordinator', ['{}'], "the DP coordinator's settings: engineCount is missing"],
  ['frontend/api-server', ['{}'], "an API server's settings: clientIndex is missing"],
])('%s %j ends with exit code 2 and one line', async (room, words, message) => {
  const main = packageFile(`dist/${room}/main.cjs`);
  const started = new RunningProcess(process.execPath, [main, ...words], {});
  expect((await started.waitForExit()).code).toBe(2);
  const lines = started.log.trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(message);
  expect(lines[0]).toContain('vllm-twin serve starts this process');
});
