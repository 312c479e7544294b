/** The rows of requests and streamed events: CPU of all of a server's processes by what its client has got. */
import { inTurns, type Turn } from './in-turns.ts';
import { type CompletionShape, completion } from './load.ts';
import type { LoadClient } from './load-client.ts';
import type { Peer } from './peer.ts';
import { treeOf } from './process-tree.ts';
import type { Bound, Row } from './row.ts';
import { measureLoad } from './sample.ts';
import type { Settings } from './settings.ts';
import { watching } from './watch.ts';

export interface LoadRow extends CompletionShape {
  readonly name: string;
  readonly title: string;
  readonly concurrency: number;
  readonly engines: number;
  /** Of servers of its own; default: those of the other rows. */
  readonly flags?: readonly string[];
  readonly bounds: readonly Bound[];
}

export interface LoadContext {
  readonly client: LoadClient;
  readonly settings: Pick<Settings, 'seconds' | 'warmUpSeconds'>;
}

/** A new server's hot paths are not compiled yet, and each of its processes compiles its own: its first warm-up is longer. */
const FIRST_WARM_UP_SECONDS = 2;
const FIRST_WARM_UP_SECONDS_PER_PROCESS = 0.8;
const warmedUp = new WeakSet<Peer>();

function firstWarmUpSeconds({ roots }: Peer): number {
  return FIRST_WARM_UP_SECONDS + FIRST_WARM_UP_SECONDS_PER_PROCESS * treeOf(roots).length;
}

export async function measureCompletions(
  peer: Peer,
  row: CompletionShape & Pick<LoadRow, 'concurrency'>,
  { client, settings }: LoadContext,
): Promise<Turn> {
  const { concurrency, stream } = row;
  const load = { requests: [completion(row)], concurrency };
  const seconds = warmedUp.has(peer) ? settings.warmUpSeconds : firstWarmUpSeconds(peer);
  warmedUp.add(peer);
  await client.run({ ...load, url: peer.url, seconds });
  const { cpuSeconds, requests, events, ...measured } = await measureLoad(peer, client, {
    ...load,
    seconds: settings.seconds,
  });
  const rate = `${Math.round((stream ? events : requests) / measured.seconds)}/s`;
  return {
    value: (cpuSeconds * 1e6) / (stream ? events : requests),
    othersPercent: measured.othersPercent,
    clientPercent: measured.clientPercent,
    note: stream ? `${rate}, ${(events / requests).toFixed(1)} events a stream` : rate,
  };
}

export function loadRow(row: LoadRow): Row {
  return {
    name: row.name,
    title: row.title,
    async run(context) {
      const { flags } = row;
      const own = flags === undefined ? {} : { flags, shapes: [row] };
      const peers = await context.peers.of(row.engines, own);
      const measured = await watching(context, peers, () =>
        inTurns(peers, context.settings.repetitions, (peer) =>
          measureCompletions(peer, row, context),
        ),
      );
      const { name, title, bounds } = row;
      return [{ row: name, title, unit: 'µs CPU', measured, bounds }];
    },
  };
}

const RS = 'vllm-rs + mock';
const STREAM_TOKENS = 128;

interface Kind extends CompletionShape {
  readonly name: string;
  readonly title: string;
  readonly bounds: readonly Bound[];
}

const BARE: Bound = { against: 'bare Node', aim: null, met: null };
const KINDS: Readonly<Record<'one' | 'many' | 'stream' | 'single', Kind>> = {
  one: {
    ...{ name: 'completion-1', title: '1-token completion', maxTokens: 1, stream: false },
    bounds: [{ against: RS, aim: 1.1, met: 1.5 }, BARE],
  },
  many: {
    ...{ name: 'completion-64', title: '64-token completion', maxTokens: 64, stream: false },
    bounds: [{ against: RS, aim: 0.9, met: 1.2 }, BARE],
  },
  stream: {
    ...{ name: 'stream', title: 'streamed event', maxTokens: STREAM_TOKENS, stream: true },
    bounds: [
      { against: RS, aim: 0.85, met: null },
      { against: 'bare Node', aim: null, met: 1 },
    ],
  },
  single: {
    ...{ name: 'single', title: '1-token completion, alone', maxTokens: 1, stream: false },
    bounds: [{ against: RS, aim: 1.2, met: 1.5 }, BARE],
  },
};

function rowOf(kind: Kind, concurrency: number, engines = 1): Row {
  const isOne = engines === 1;
  const at = kind.stream ? `${concurrency} streams` : `c=${concurrency}`;
  return loadRow({
    ...kind,
    name: `${isOne ? '' : `dp${engines}/`}${kind.name}/${concurrency}`,
    title: `${kind.title}, ${at}${isOne ? '' : `, ${engines} engines`}`,
    concurrency,
    engines,
    bounds: isOne ? kind.bounds : [{ against: RS, aim: engines === 8 ? 3 : null, met: null }],
  });
}

const { one, many, stream, single } = KINDS;

export const LOAD_ROWS: readonly Row[] = [
  ...[32, 256].map((concurrency) => rowOf(one, concurrency)),
  ...[32, 256].map((concurrency) => rowOf(many, concurrency)),
  ...[32, 256].map((concurrency) => rowOf(stream, concurrency)),
  rowOf(single, 1),
];

/** What a long prompt costs; its servers take such. */
export const LONG_PROMPT_ROW: Row = loadRow({
  name: 'long-prompt/8',
  title: '1-token completion of 8,192 prompt tokens, c=8',
  ...{ promptTokens: 8_192, maxTokens: 1, stream: false, concurrency: 8, engines: 1 },
  flags: ['--max-model-len', '16384'],
  bounds: [{ against: RS, aim: null, met: null }, BARE],
});

/** Eight of our processes against one mock that plays eight: see benchmarks/README.md. */
export const DATA_PARALLEL_ROWS: readonly Row[] = [2, 8].flatMap((engines) => [
  rowOf(one, 32, engines),
  rowOf(many, 32, engines),
  rowOf(stream, 256, engines),
]);
