/** What a person at a terminal sees once the server listens: its engines, and where to go. */
import type { StartedServer } from '../frontend/frontend.ts';
import { pageAddressOf } from '../frontend/twin/page-address.ts';
import { argsOfRank } from '../shared/config/engine-overrides.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { PLAIN_PALETTE, table } from './text-layout.ts';

/** Engines that are shown one by one; a page of them would push the addresses off the screen. */
const MAX_ENGINES = 12;
const COLUMNS = [
  { title: 'Rank', align: 'right' },
  { title: 'GPU', align: 'left' },
  { title: 'KV cache tokens', align: 'right' },
  { title: 'Concurrency', align: 'right' },
  { title: 'at max_model_len', align: 'right' },
] as const;

/** Lines of at most 80 columns, with an empty one before and behind them. */
export function startSummary(args: EngineArgs, { address, engines }: StartedServer): string {
  const rows = [...engines].slice(0, MAX_ENGINES).map(([rank, engine]) => [
    String(rank),
    // An engine from elsewhere does not say what it runs on.
    isStartedHere(args, rank) ? argsOfRank(args, rank).gpu : 'not started here',
    engine.kvCacheSizeTokens?.toLocaleString('en-US') ?? '-',
    engine.kvCacheMaxConcurrency === null ? '-' : `${engine.kvCacheMaxConcurrency.toFixed(2)}x`,
    engine.maxModelLen.toLocaleString('en-US'),
  ]);
  const rest = engines.size - rows.length;
  const lines = [
    ...table(COLUMNS, rows, { indent: '  ', palette: PLAIN_PALETTE }),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    '',
    ...placesOf(args, address),
  ];
  return `\n${lines.join('\n')}\n\n`;
}

function isStartedHere(args: EngineArgs, rank: number): boolean {
  const start = args.dataParallelStartRank ?? args.dataParallelRank ?? 0;
  return rank >= start && rank < start + (args.dataParallelSizeLocal ?? args.dataParallelSize);
}

function placesOf(args: EngineArgs, address: string): readonly string[] {
  const isSocket = address.startsWith('unix:');
  const base = isSocket ? 'http://localhost' : address;
  return [
    ...(isSocket ? [`  Socket   ${address.slice('unix:'.length)} (curl --unix-socket)`] : []),
    `  API      ${base}/v1`,
    `  Metrics  ${base}/metrics`,
    `  Page     ${pageAddressOf(base, args.rootPath)}`,
    ...(args.disableFastapiDocs ? [] : [`  Docs     ${base}/docs`]),
  ];
}
