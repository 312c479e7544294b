/** A twin takes a second to start, on a busy machine more: a test with one gets more than vitest's five. */
export default { test: { testTimeout: 30_000 } };
