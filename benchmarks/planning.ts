/**
 * How long a plan takes: every golden capacity case, and the slowest of them, which must stay below 20 ms.
 * Prints one line each; the ratio is against parsing the same input from JSON in the same run.
 */
import { readFileSync } from 'node:fs';
import { answerCapacity } from '../src/capacity/explain/plan-record.ts';
import { parseCapacityInput } from '../src/capacity/file/capacity-input.ts';
import type { CapacityInputRecord } from '../src/capacity/file/capacity-record.ts';
import { inFile } from '../src/shared/schema.ts';

const LIMIT_MS = 20;
const ROUNDS = 9;

interface Case {
  readonly id: string;
  readonly input: CapacityInputRecord;
}

const { cases } = JSON.parse(
  readFileSync(new URL('../test/golden/capacity.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

/** What `explain --case` does: checks the input, plans it, and tells the plan. */
function answer(input: CapacityInputRecord): void {
  answerCapacity(parseCapacityInput(input, inFile('capacity.json', 'input')));
}

/** The median of several rounds, in milliseconds: a single slow one says more of the machine than of the code. */
function medianMs(work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
}

// The first pass is cold: what a process that plans once pays.
const coldStart = performance.now();
for (const { input } of cases) answer(input);
const coldMs = performance.now() - coldStart;

const timed = cases.map(({ id, input }) => {
  const text = JSON.stringify(input);
  return {
    id,
    numLayers: input.layer_sets.reduce((sum, layers) => sum + layers.length, 0),
    planMs: medianMs(() => answer(input)),
    parseMs: medianMs(() => JSON.parse(text)),
  };
});
const slowest = timed.reduce((a, b) => (b.planMs > a.planMs ? b : a));
const total = timed.reduce((sum, { planMs }) => sum + planMs, 0);
const parse = timed.reduce((sum, { parseMs }) => sum + parseMs, 0);
console.log(
  `planning ${cases.length} golden cases: ${total.toFixed(0)} ms (cold ${coldMs.toFixed(0)} ms), ` +
    `${(total / parse).toFixed(1)} x parsing their input`,
);
console.log(
  `slowest plan ${slowest.id}, ${slowest.numLayers} layers: ${slowest.planMs.toFixed(2)} ms, limit ${LIMIT_MS} ms`,
);
if (slowest.planMs > LIMIT_MS) process.exitCode = 1;
