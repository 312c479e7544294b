import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const room = process.env['MUTATION_ROOM'] ?? '';

/** Recorded cases by the room that they judge. They read megabytes, so a room runs only its own. */
const GOLDEN_OF: Readonly<Record<string, readonly string[]>> = {
  capacity: ['capacity', 'models'],
  'engine-core': ['kv-cache-manager', 'traces'],
  'engine-core/kv-cache': ['kv-cache-manager'],
  'engine-core/scheduler': ['traces'],
  'frontend/metrics': ['metrics-catalog'],
  'shared/protocol': ['wire'],
};

/** The recorded cases of the room itself, or of the room that it is in. */
function goldenTests(): readonly string[] {
  const asked = Object.entries(GOLDEN_OF).filter(
    ([name]) => room === name || room.startsWith(`${name}/`),
  );
  const nearest = asked.sort(([a], [b]) => b.length - a.length)[0];
  return (nearest?.[1] ?? []).map((name) => `test/golden/${name}.test.ts`);
}

/** Tests for `npm run mutation`: in-process ones alone, of which Stryker takes those that import the mutated files. */
export default defineConfig({
  resolve: {
    alias: {
      'fast-check': fileURLToPath(new URL('test/support/mutation/fast-check.ts', import.meta.url)),
    },
  },
  test: {
    include: ['test/{unit,property}/**/*.test.ts', ...goldenTests()],
    testTimeout: 30_000,
  },
});
