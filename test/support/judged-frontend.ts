/** A frontend of other people under `conform frontend`: run after run, as many as it takes to see every check. */
import { expect } from 'vitest';
import type { CheckResult } from '../../src/conform/check.ts';
import {
  ENDINGS,
  type Ending,
  SPOILS,
  type Spoil,
} from '../../src/conform/frontend/frontend-options.ts';
import { runFrontendChecks } from '../../src/conform/frontend/run-frontend-checks.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import type { KnownDeviations } from './known-deviations.ts';

/** One start of the frontend, and what is done to it. */
export interface Mode {
  readonly ending: Ending | null;
  readonly spoil: Spoil | null;
}

/** Each ending and each spoilt start alone. */
export const EVERY_MODE: readonly Mode[] = [
  ...ENDINGS.map((ending) => ({ ending, spoil: null })),
  ...SPOILS.map((spoil) => ({ ending: null, spoil })),
];

export interface FrontendPlace {
  readonly handshakeAddress: string;
  readonly httpUrl: string;
  readonly metricsUrl: string;
  readonly model: string;
}

export function judgeFrontend(place: FrontendPlace, mode: Mode): Promise<readonly CheckResult[]> {
  return runFrontendChecks({
    ...place,
    ...mode,
    dataParallelSize: 2,
    version: WIRE_VERSIONS[VLLM_VERSION],
    clock: systemClock,
    waitMs: 60_000,
    runMs: 100_000,
    transport: createZmqTransport(),
  });
}

/** Every check is passed, or its deviation is known: no more and no fewer. */
export function expectDeviations(
  runs: readonly (readonly CheckResult[])[],
  { failed, notApplicable }: KnownDeviations,
): void {
  const all = runs.flat();
  const idsWith = (verdict: CheckResult['verdict']): ReadonlySet<string> =>
    new Set(all.filter((result) => result.verdict === verdict).map(({ id }) => id));
  const failedIds = idsWith('failed');
  const passedIds = idsWith('passed');
  const told = all
    .filter(({ verdict }) => verdict === 'failed')
    .map(({ id, expected, got }) => `${id}: ${expected} | ${got}`);
  expect([...failedIds].sort(), [...new Set(told)].join('\n')).toEqual(Object.keys(failed).sort());
  const neverJudged = [...idsWith('not_applicable')].filter(
    (id) => !failedIds.has(id) && !passedIds.has(id),
  );
  expect(neverJudged.sort()).toEqual(Object.keys(notApplicable).sort());
}
