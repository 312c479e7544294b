/**
 * CPU per request by bare Node's of the same run, for three rows: what the CI compares with the ratios that are kept in
 * benchmarks/guard-ratios.json. A ratio is of the machine's making far less than microseconds are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { inTurns } from './in-turns.ts';
import { LoadClient } from './load-client.ts';
import { measureCompletions } from './load-rows.ts';
import { startBareNode, startTwin } from './peer.ts';
import { answersOf } from './peer-sets.ts';
import { CLIENT_CORE, pinThisProcess } from './pinning.ts';
import type { Measured } from './row.ts';
import { type Summary, summaryOf } from './sample.ts';

/** Beyond this much of the kept ratio the guard fails. */
export const ALLOWED = 1.25;

const GUARDED = {
  'completion-1/32': { maxTokens: 1, stream: false, concurrency: 32 },
  'completion-64/32': { maxTokens: 64, stream: false, concurrency: 32 },
  'stream/32': { maxTokens: 128, stream: true, concurrency: 32 },
} as const;
type GuardRow = keyof typeof GUARDED;
export const GUARD_ROWS = Object.keys(GUARDED) as readonly GuardRow[];

/** As short as is steady: the whole guard takes three quarters of a minute. */
const SETTINGS = { seconds: 1, warmUpSeconds: 0.3 };
const REPETITIONS = 5;
const FILE = new URL('../guard-ratios.json', import.meta.url);

export interface GuardResult {
  readonly row: GuardRow;
  readonly twinMicroseconds: Summary;
  readonly bareMicroseconds: Summary;
  /** Twin by bare Node, round by round. */
  readonly ratio: Summary;
}

const valuesOf = (measured: Measured | undefined): readonly number[] =>
  measured?.samples.map(({ value }) => value) ?? [];

export async function measureGuard(dist: string): Promise<readonly GuardResult[]> {
  pinThisProcess(CLIENT_CORE);
  const client = await LoadClient.start();
  const twin = await startTwin('twin', dist, { engines: 1 });
  try {
    const bare = await startBareNode(await answersOf(twin.url));
    try {
      const results: GuardResult[] = [];
      for (const row of GUARD_ROWS) {
        const measured = await inTurns([twin, bare], REPETITIONS, (peer) =>
          measureCompletions(peer, GUARDED[row], { client, settings: SETTINGS }),
        );
        const [ofTwin, ofBare] = [valuesOf(measured[0]), valuesOf(measured[1])];
        results.push({
          row,
          twinMicroseconds: summaryOf(ofTwin),
          bareMicroseconds: summaryOf(ofBare),
          ratio: summaryOf(ofTwin.map((value, round) => value / (ofBare[round] ?? Number.NaN))),
        });
      }
      return results;
    } finally {
      await bare.stop();
    }
  } finally {
    await twin.stop();
    client.close();
  }
}

export function keptRatios(): Readonly<Record<GuardRow, number>> {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Record<GuardRow, number>;
}

export function writeRatios(results: readonly GuardResult[]): void {
  const ratios = results.map(({ row, ratio }) => [row, Number(ratio.median.toFixed(2))]);
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(ratios), null, 2)}\n`);
}

/** What was measured, what is kept and what is allowed, in a line. */
export function guardLine(result: GuardResult, kept: number): string {
  const { row, ratio, twinMicroseconds, bareMicroseconds } = result;
  const times = (value: number): string => `${value.toFixed(2)} ×`;
  const range = `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`;
  const costs = `${twinMicroseconds.median.toFixed(1)} / ${bareMicroseconds.median.toFixed(1)} µs`;
  return (
    `${row}: ${times(ratio.median)} bare Node (${range}; ${costs}), ` +
    `kept ${times(kept)}, allowed ${times(kept * ALLOWED)}`
  );
}

export const HOW_TO_UPDATE =
  'npm run bench peers -- --write-guard, on a quiet machine, writes what it measures to benchmarks/guard-ratios.json';
