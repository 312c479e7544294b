/**
 * Starts, each of a server of its own on all cores: CPU and wall-clock time to the first 200 of /health, what each further
 * engine adds, and what the processes hold when they have nothing to do.
 */
import { inTurns } from './in-turns.ts';
import {
  type Peer,
  type PeerName,
  type StartOptions,
  startPlainNode,
  startTwin,
  startVllmRsWithMock,
} from './peer.ts';
import { ALL_CORES } from './pinning.ts';
import { cpuSecondsOf, rssMegabytesOf, titleOf, treeOf } from './process-tree.ts';
import type { Bound, Measured, Row, RowContext, RowResult } from './row.ts';
import { cpuWhile } from './sample.ts';

const MANY = 8;
const COUNTS = [1, MANY] as const;
const SETTLE_MS = 2_000;

export interface Start {
  readonly cpuMs: number;
  readonly healthMs: number;
  readonly othersPercent: number;
  readonly frontendMb: number;
  /** The largest engine's; null where there is none of its own. */
  readonly engineMb: number | null;
}

export interface Starter {
  readonly name: PeerName;
  start(options: StartOptions): Promise<Peer>;
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

function startersOf({ settings, vllmRs }: RowContext): readonly Starter[] {
  const { dist, against, flags, peers } = settings;
  const all: readonly Starter[] = [
    {
      name: 'twin',
      start: (options) => startTwin('twin', dist, { ...options, flags }),
    },
    { name: 'other build', start: (options) => startTwin('other build', against ?? '', options) },
    { name: 'bare Node', start: () => startPlainNode(ALL_CORES) },
    { name: 'vllm-rs + mock', start: (options) => startVllmRsWithMock(vllmRs ?? '', options) },
  ];
  return all.filter(
    ({ name }) => peers.includes(name) && (name !== 'vllm-rs + mock' || vllmRs !== null),
  );
}

/** Of vllm-rs the frontend alone: the mock is no part of it. */
async function measureStart(starter: Starter, engines: number): Promise<Start> {
  const { result, othersPercent } = await cpuWhile([], async () => {
    const peer = await starter.start({ engines, cores: ALL_CORES });
    const [frontend = 0] = peer.roots;
    return { peer, frontend, cpuMs: 1000 * cpuSecondsOf(treeOf([frontend])) };
  });
  const { peer, frontend, cpuMs } = result;
  try {
    await pause(SETTLE_MS);
    const engineSizes = treeOf([frontend])
      .filter((pid) => titleOf(pid).includes('EngineCore'))
      .map(rssMegabytesOf);
    return {
      cpuMs,
      healthMs: peer.healthMs,
      othersPercent,
      frontendMb: rssMegabytesOf(frontend),
      engineMb: engineSizes.length === 0 ? null : Math.max(...engineSizes),
    };
  } finally {
    await peer.stop();
  }
}

type Rounds = readonly (readonly [one: Start, many: Start])[];

function resultOf(
  rounds: ReadonlyMap<PeerName, Rounds>,
  row: Pick<RowResult, 'row' | 'title' | 'unit'>,
  of: (one: Start, many: Start) => number | null,
  bounds: readonly Bound[],
): RowResult {
  const measured = [...rounds].flatMap(([peer, list]): Measured[] => {
    const samples = list.flatMap(([one, many]) => {
      const value = of(one, many);
      const othersPercent = Math.max(one.othersPercent, many.othersPercent);
      return value === null ? [] : [{ value, othersPercent, clientPercent: null }];
    });
    return samples.length === 0 ? [] : [{ peer, samples }];
  });
  return { ...row, measured, bounds };
}

const atMost = (aim: number, met: number | null): readonly Bound[] => [{ against: null, aim, met }];

/** All that comes of the same starts. */
function resultsOf(rounds: ReadonlyMap<PeerName, Rounds>): readonly RowResult[] {
  const ofMany = `${MANY} engines`;
  return [
    resultOf(
      rounds,
      { row: 'start/cpu/1', title: 'CPU to /health, 1 engine', unit: 'ms CPU' },
      (one) => one.cpuMs,
      atMost(400, 450),
    ),
    resultOf(
      rounds,
      { row: 'start/cpu/further', title: `each further one of ${ofMany}`, unit: 'ms CPU' },
      (one, many) => (many.cpuMs - one.cpuMs) / (MANY - 1),
      atMost(110, 125),
    ),
    resultOf(
      rounds,
      { row: 'start/wall/1', title: 'wall-clock time to /health, 1 engine', unit: 's' },
      (one) => one.healthMs / 1000,
      atMost(0.25, null),
    ),
    resultOf(
      rounds,
      { row: `start/wall/${MANY}`, title: `wall-clock time to /health, ${ofMany}`, unit: 's' },
      (_, many) => many.healthMs / 1000,
      atMost(0.7, null),
    ),
    resultOf(
      rounds,
      { row: 'memory/frontend', title: 'idle memory of the frontend, 1 engine', unit: 'MB RSS' },
      (one) => one.frontendMb,
      atMost(70, null),
    ),
    resultOf(
      rounds,
      { row: 'memory/engine', title: 'idle memory of the engine', unit: 'MB RSS' },
      (one) => one.engineMb,
      atMost(52, null),
    ),
  ];
}

export const START_ROW: Row = {
  name: 'start',
  title: 'CPU and wall-clock time of starts with 1 and 8 engines, and idle memory',
  async run(context) {
    const starters = startersOf(context);
    await context.peers.stop();
    // What a first start leaves behind for the next ones (file cache, compile cache) is there before any is counted.
    for (const starter of starters) await measureStart(starter, 1);
    const rounds = new Map<PeerName, (readonly [Start, Start])[]>(
      starters.map(({ name }) => [name, []]),
    );
    await inTurns(starters, context.settings.repetitions, async (starter) => {
      const [one, many] = [
        await measureStart(starter, COUNTS[0]),
        await measureStart(starter, COUNTS[1]),
      ];
      rounds.get(starter.name)?.push([one, many]);
      return { value: one.cpuMs, othersPercent: one.othersPercent, clientPercent: null };
    });
    return resultsOf(rounds);
  },
};
