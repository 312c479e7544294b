/** What the command line asks of the benchmark. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PEER_NAMES, type PeerName } from './peer.ts';

export interface Settings {
  /** Beginnings of row names; empty: all rows. */
  readonly rows: readonly string[];
  readonly peers: readonly PeerName[];
  readonly dist: string;
  /** Another build's `dist`; null where there is none to compare with. */
  readonly against: string | null;
  /** More flags for this build's server. */
  readonly flags: readonly string[];
  readonly watch: 'nothing' | 'events' | 'frames';
  readonly repetitions: number;
  /** Seconds of one counted load, and of the warm-up before it. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly json: string | null;
  readonly isQuick: boolean;
  readonly writesGuard: boolean;
  readonly help: boolean;
}

export const HELP = `npm run bench peers -- [flags]

  --rows=A,B        rows whose names begin so (default: all but fresh-clone; --list names them)
  --list            print the rows and end
  --quick           one repetition of a second each: to see that it works, not to quote
  --repetitions=N   rounds in which all servers are measured in turn (default 3)
  --seconds=S       of each counted load (default 2)
  --peers=A,B       of: ${PEER_NAMES.join(', ')}
  --dist=DIST       measure this build instead of the clone's dist
  --against=DIST    compare with another build; without --peers with nothing else
  --with='FLAGS'    more flags for this build's server
  --watch[=events]  listen meanwhile to this build's live page events, and fetch frames, as the page does
  --json=FILE       write what was measured as records
  --write-guard     measure the guard's rows and write benchmarks/guard-ratios.json
`;

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

const words = (text: string, separator: string): readonly string[] =>
  text
    .split(separator)
    .map((word) => word.trim())
    .filter(Boolean);

function peersOf(named: string | undefined, against: string | null): readonly PeerName[] {
  const other = against === null ? [] : (['other build'] as const);
  if (named === undefined)
    return against === null
      ? PEER_NAMES.filter((name) => name !== 'other build')
      : ['twin', ...other];
  const chosen = words(named, ',');
  const unknown = chosen.find((name) => !PEER_NAMES.some((known) => known.startsWith(name)));
  if (unknown !== undefined)
    throw new Error(`--peers '${unknown}': none of ${PEER_NAMES.join(', ')}`);
  return PEER_NAMES.filter(
    (name) => chosen.includes(name) || (other as readonly PeerName[]).includes(name),
  );
}

export function readSettings(args: readonly string[]): Settings & { readonly list: boolean } {
  // A bare --watch means all that the page does.
  const list = args.map((word) => (word === '--watch' ? '--watch=frames' : word));
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: list,
    options: {
      ...{ rows: text, peers: text, dist: text, against: text, with: text, watch: text },
      ...{ repetitions: text, seconds: text, json: text },
      ...{ quick: flag, list: flag, 'write-guard': flag, help: flag },
    },
  });
  const isQuick = values.quick;
  const against = values.against === undefined ? null : resolve(values.against);
  return {
    rows: words(values.rows ?? '', ','),
    peers: peersOf(values.peers, against),
    dist: resolve(values.dist ?? DIST),
    against,
    flags: words(values.with ?? '', ' '),
    watch: values.watch === 'events' || values.watch === 'frames' ? values.watch : 'nothing',
    repetitions: Number(values.repetitions ?? (isQuick ? 1 : 3)),
    seconds: Number(values.seconds ?? (isQuick ? 1 : 2)),
    warmUpSeconds: isQuick ? 0.5 : 1,
    json: values.json ?? null,
    isQuick,
    writesGuard: values['write-guard'],
    help: values.help,
    list: values.list,
  };
}
