import { defineConfig } from 'vitest/config';

/** Waits of a test are shorter than this: the message then says what was waited for. */
const TEST_TIMEOUT_MS = 60_000;
const interopSetup = ['./test/support/patience.ts'];
const setupFiles = [...interopSetup, './test/support/own-environment.ts'];
/** Heap bounds are measured after a collection. */
const execArgv = ['--expose-gc'];

/**
 * Five projects: fast in-process tests, serial process tests over the built dist, the built page in a browser, interop with
 * real vLLM parts, and tests with wall-clock bounds, which need a machine with nothing else to do and are no part of
 * `npm test`.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/count-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,property,golden,simulation,tidy}/**/*.test.ts'],
          setupFiles,
          execArgv,
          testTimeout: TEST_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          setupFiles,
          fileParallelism: false,
          testTimeout: 2 * TEST_TIMEOUT_MS,
          hookTimeout: TEST_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: 'page',
          include: ['test/page/**/*.test.ts'],
          setupFiles,
          fileParallelism: false,
          testTimeout: TEST_TIMEOUT_MS,
          hookTimeout: TEST_TIMEOUT_MS,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          setupFiles: interopSetup,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'timing',
          include: ['test/timing/**/*.test.ts'],
          setupFiles,
          execArgv,
          fileParallelism: false,
          testTimeout: TEST_TIMEOUT_MS,
          hookTimeout: TEST_TIMEOUT_MS,
        },
      },
    ],
  },
});
