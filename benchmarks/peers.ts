/**
 * The twin beside its peers, in one run: bare Node that gives the same answers, and vLLM's own Rust frontend over a mock
 * engine and over our engines where the binary is there. What each row means, and what cannot be compared, is in
 * benchmarks/README.md; `--help` says what can be chosen.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { reasonOf } from '../src/shared/errors.ts';
import { cachedVllmRs } from '../test/support/vllm-rs.ts';
import { CORE_ROWS } from './peers/core-row.ts';
import { FRESH_CLONE_ROW } from './peers/fresh-clone-row.ts';
import { ENGINE_GROWTH_ROWS, STREAM_GROWTH_ROWS } from './peers/growth-rows.ts';
import { guardLine, keptRatios, measureGuard, writeRatios } from './peers/guard.ts';
import { LoadClient } from './peers/load-client.ts';
import { DATA_PARALLEL_ROWS, LOAD_ROWS, LONG_PROMPT_ROW } from './peers/load-rows.ts';
import { PeerSets } from './peers/peer-sets.ts';
import { CLIENT_CORE, PINNING, pinThisProcess } from './peers/pinning.ts';
import { treeOf } from './peers/process-tree.ts';
import { REPLAY_ROW } from './peers/replay-row.ts';
import { printResult, recordOf } from './peers/report.ts';
import type { Row, RowResult } from './peers/row.ts';
import { SCRAPE_ROWS } from './peers/scrape-rows.ts';
import { HELP, readSettings, type Settings } from './peers/settings.ts';
import { START_ROW } from './peers/start-rows.ts';

const ROWS: readonly Row[] = [
  ...LOAD_ROWS,
  LONG_PROMPT_ROW,
  ...DATA_PARALLEL_ROWS,
  ...SCRAPE_ROWS,
  START_ROW,
  REPLAY_ROW,
  ...CORE_ROWS,
  ...STREAM_GROWTH_ROWS,
  ...ENGINE_GROWTH_ROWS,
  FRESH_CLONE_ROW,
];

function rowsOf({ rows }: Settings): readonly Row[] {
  // A fresh clone asks the registry for everything: only where it is named.
  if (rows.length === 0) return ROWS.filter((row) => row !== FRESH_CLONE_ROW);
  const unknown = rows.find((word) => !ROWS.some(({ name }) => name.startsWith(word)));
  if (unknown !== undefined)
    throw new Error(`--rows '${unknown}': none of ${ROWS.map(({ name }) => name).join(', ')}`);
  return ROWS.filter(({ name }) => rows.some((word) => name.startsWith(word)));
}

async function run(settings: Settings): Promise<void> {
  const rows = rowsOf(settings);
  // Now, not after all the work.
  if (settings.json !== null) writeFileSync(settings.json, '[]\n');
  console.log(`${PINNING}; ${cpus()[0]?.model}, Node ${process.version}`);
  const vllmRs = cachedVllmRs();
  if (vllmRs === null)
    console.log('no vllm-rs to compare with: it is where npm run test:interop has fetched it');
  pinThisProcess(CLIENT_CORE);
  const results: RowResult[] = [];
  const client = await LoadClient.start();
  const peers = new PeerSets(settings, vllmRs);
  try {
    for (const row of rows) {
      for (const result of await row.run({ settings, client, peers, vllmRs })) {
        results.push(result);
        printResult(result);
      }
    }
  } finally {
    await peers.stop();
    client.close();
    if (settings.json !== null)
      writeFileSync(settings.json, `${JSON.stringify(results.map(recordOf), null, 2)}\n`);
  }
}

async function writeGuard({ dist }: Settings): Promise<void> {
  const before = keptRatios();
  const results = await measureGuard(dist);
  for (const result of results) console.log(guardLine(result, before[result.row]));
  writeRatios(results);
}

/** Whoever stops the benchmark stops all that it has started. */
function endChildrenOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const pid of treeOf([process.pid]).slice(1)) {
        try {
          process.kill(pid);
        } catch {
          // It has ended by itself meanwhile.
        }
      }
      process.exit(1);
    });
  }
}

async function main(): Promise<void> {
  const { list, ...settings } = readSettings(process.argv.slice(2));
  endChildrenOnSignals();
  if (settings.help) console.log(HELP);
  else if (list) for (const { name, title } of ROWS) console.log(`${name.padEnd(24)} ${title}`);
  else if (settings.writesGuard) await writeGuard(settings);
  else await run(settings);
}

await main().catch((error: unknown) => {
  console.error(`benchmarks/peers: ${reasonOf(error)}`);
  process.exitCode = 2;
});
