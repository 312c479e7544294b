import fc from '../../../node_modules/fast-check/lib/fast-check.js';

/** How many inputs a property gets while mutants are tried: each of hundreds of mutants runs the property again. */
const MAX_RUNS = 25;

/** fast-check as the mutation run's tests see it (vitest.mutation.config.ts): the same, with fewer inputs a property. */
const assert = ((property: fc.IRawProperty<unknown>, parameters?: fc.Parameters<unknown>) =>
  fc.assert(property, {
    ...parameters,
    numRuns: Math.min(parameters?.numRuns ?? MAX_RUNS, MAX_RUNS),
  })) as typeof fc.assert;

const withFewerRuns: typeof fc = { ...fc, assert };

// biome-ignore lint/style/noDefaultExport: it stands in for a package that is imported by its default export.
export default withFewerRuns;
