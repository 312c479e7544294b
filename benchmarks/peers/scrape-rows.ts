/**
 * CPU of one GET of /metrics: every 20 ms where nothing has happened since the last one, and behind a completion each time, so
 * that some values have changed, as they have for a real scraper. The latter is what a completion and a scrape take in turn,
 * less what completions alone take right after.
 */
import { inTurns, type Turn } from './in-turns.ts';
import { completion, type Load, SCRAPE } from './load.ts';
import type { Peer } from './peer.ts';
import type { Row, RowContext } from './row.ts';
import { type MeasuredLoad, measureLoad } from './sample.ts';

/** No scraper asks again at once. */
const PAUSE_MS = 20;
const COMPLETION = completion({ maxTokens: 1, stream: false });

async function measureCycles(
  peer: Peer,
  { client, settings }: RowContext,
  what: Pick<Load, 'requests' | 'pauseMs'>,
): Promise<MeasuredLoad> {
  const load = { ...what, concurrency: 1 };
  await client.run({ ...load, url: peer.url, seconds: settings.warmUpSeconds });
  return measureLoad(peer, client, { ...load, seconds: settings.seconds });
}

const millisecondsOf = ({ cpuSeconds, requests }: MeasuredLoad, perCycle: number): number =>
  (cpuSeconds * 1000 * perCycle) / requests;

async function measureScrape(peer: Peer, context: RowContext): Promise<Turn> {
  const both = await measureCycles(peer, context, { requests: [COMPLETION, SCRAPE] });
  const alone = await measureCycles(peer, context, { requests: [COMPLETION] });
  return {
    value: millisecondsOf(both, 2) - millisecondsOf(alone, 1),
    othersPercent: Math.max(both.othersPercent, alone.othersPercent),
    clientPercent: both.clientPercent,
  };
}

async function measureIdleScrape(peer: Peer, context: RowContext): Promise<Turn> {
  const scrapes = await measureCycles(peer, context, { requests: [SCRAPE], pauseMs: PAUSE_MS });
  const kilobytes = scrapes.bytes / scrapes.requests / 1000;
  return {
    value: millisecondsOf(scrapes, 1),
    othersPercent: scrapes.othersPercent,
    clientPercent: scrapes.clientPercent,
    note: `${kilobytes.toFixed(0)} kB`,
  };
}

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly measure: (peer: Peer, context: RowContext) => Promise<Turn>;
}

function scrapeRow(kind: Kind, engines: number): Row {
  const name = `${kind.name}/${engines}`;
  const title = `${kind.title}, ${engines} engine${engines === 1 ? '' : 's'}`;
  return {
    name,
    title,
    async run(context) {
      const peers = await context.peers.of(engines);
      const measured = await inTurns(
        peers.filter((peer) => peer.name !== 'bare Node'),
        context.settings.repetitions,
        (peer) => kind.measure(peer, context),
      );
      const bounds = [{ against: 'vllm-rs + mock', aim: 1, met: 1.5 } as const];
      return [{ row: name, title, unit: 'ms CPU', measured, bounds }];
    },
  };
}

const KINDS: readonly Kind[] = [
  { name: 'scrape', title: 'one scrape after a completion', measure: measureScrape },
  {
    name: 'scrape-idle',
    title: 'one scrape every 20 ms of an idle server',
    measure: measureIdleScrape,
  },
];

export const SCRAPE_ROWS: readonly Row[] = [1, 8].flatMap((engines) =>
  KINDS.map((kind) => scrapeRow(kind, engines)),
);
