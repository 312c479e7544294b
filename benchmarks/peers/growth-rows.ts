/** What grows with the number of streams, and with the number of engines. */
import { loadRow } from './load-rows.ts';
import { startTwin } from './peer.ts';
import { ALL_CORES } from './pinning.ts';
import { cpuSecondsOf, pssMegabytesOf, treeOf } from './process-tree.ts';
import type { Bound, Row, RowContext, RowResult } from './row.ts';
import { cpuWhile, medianOf, type Sample } from './sample.ts';
import { pause } from './start-rows.ts';

const STREAMS = [64, 256, 1024, 4096] as const;
/** All of them run at once: none waits for another one's end. */
const STREAM_FLAGS = [
  ...['--max-num-seqs', '4096', '--max-num-batched-tokens', '8192'],
  ...['--num-gpu-blocks-override', '40001'],
];

export const STREAM_GROWTH_ROWS: readonly Row[] = STREAMS.map((concurrency) =>
  loadRow({
    name: `growth/streams/${concurrency}`,
    title: `streamed event, ${concurrency} streams, all running`,
    ...{ concurrency, maxTokens: 128, stream: true, engines: 1, flags: STREAM_FLAGS },
    bounds: [
      { against: 'vllm-rs + mock', aim: 0.85, met: null },
      { against: 'bare Node', aim: null, met: 1 },
    ],
  }),
);

const ENGINES = [1, 2, 4, 8, 16, 32, 64] as const;
const SETTLE_MS = 3_000;
/** Each of a second; the middle one counts, as V8 gives memory back once, some time after a start. */
const IDLE_WINDOWS = 5;

interface Grown {
  readonly startCpuSeconds: number;
  readonly pssMb: number;
  readonly idleCpuMsPerSecond: number;
  readonly othersPercent: number;
}

async function measureEngines(
  { settings }: RowContext,
  name: 'twin' | 'other build',
  engines: number,
): Promise<Grown> {
  const dist = name === 'twin' ? settings.dist : (settings.against ?? '');
  const flags = name === 'twin' ? settings.flags : [];
  const { result: peer, othersPercent } = await cpuWhile([], () =>
    startTwin(name, dist, { engines, flags, cores: ALL_CORES }),
  );
  try {
    const startCpuSeconds = cpuSecondsOf(treeOf(peer.roots));
    await pause(SETTLE_MS);
    const idle: number[] = [];
    for (let i = 0; i < IDLE_WINDOWS; i += 1) {
      const { cpuSeconds, seconds } = await cpuWhile(peer.roots, () => pause(1_000));
      idle.push((1_000 * cpuSeconds) / seconds);
    }
    return {
      startCpuSeconds,
      pssMb: pssMegabytesOf(treeOf(peer.roots)),
      idleCpuMsPerSecond: medianOf(idle),
      othersPercent,
    };
  } finally {
    await peer.stop();
  }
}

const NONE: Bound = { against: null, aim: null, met: null };

function resultsOf(
  engines: number,
  grown: ReadonlyMap<'twin' | 'other build', readonly Grown[]>,
): readonly RowResult[] {
  const isMost = engines === Math.max(...ENGINES);
  const title = `${engines} engine${engines === 1 ? '' : 's'}`;
  const result = (
    of: (one: Grown) => number,
    row: Pick<RowResult, 'row' | 'title' | 'unit'>,
    bound: Bound,
  ): RowResult => ({
    ...row,
    measured: [...grown].map(([peer, list]) => ({
      peer,
      samples: list.map((one): Sample => {
        const { othersPercent } = one;
        return { value: of(one), othersPercent, clientPercent: null };
      }),
    })),
    bounds: [bound],
  });
  const row = `growth/engines/${engines}`;
  return [
    result(
      ({ startCpuSeconds }) => startCpuSeconds,
      { row: `${row}/cpu`, title: `CPU to /health, ${title}`, unit: 's CPU' },
      isMost ? { ...NONE, aim: 8 } : NONE,
    ),
    result(
      ({ pssMb }) => pssMb,
      { row: `${row}/memory`, title: `memory of all processes, ${title}`, unit: 'MB PSS' },
      isMost ? { ...NONE, aim: 3_072 } : NONE,
    ),
    result(
      ({ idleCpuMsPerSecond }) => idleCpuMsPerSecond,
      { row: `${row}/idle`, title: `CPU of doing nothing, ${title}`, unit: 'ms CPU per s' },
      NONE,
    ),
  ];
}

export const ENGINE_GROWTH_ROWS: readonly Row[] = ENGINES.map((engines) => ({
  name: `growth/engines/${engines}`,
  title: `start CPU, memory and idle CPU with ${engines} engine${engines === 1 ? '' : 's'}`,
  async run(context) {
    await context.peers.stop();
    const names = context.settings.peers.filter(
      (name) => name === 'twin' || name === 'other build',
    );
    const grown = new Map(names.map((name): [typeof name, Grown[]] => [name, []]));
    for (let round = 0; round < context.settings.repetitions; round += 1)
      for (const [name, list] of grown) list.push(await measureEngines(context, name, engines));
    return resultsOf(engines, grown);
  },
}));
