/** What of the frames is shown. */
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import type { FrameType } from '../../shared/tap/frame-type.ts';

/** The messages of a start-up; all others are traffic. */
export const STARTUP_TYPES: ReadonlySet<FrameType> = new Set([
  'HELLO',
  'INIT',
  'EngineCoreReadyResponse',
  'READY',
  'SUBSCRIBE',
]);

export interface Filter {
  readonly isStartupOnly: boolean;
  readonly hidesCounts: boolean;
  /** Null: of all. */
  readonly engine: number | null;
  /** Null: of all. */
  readonly type: FrameType | null;
  readonly text: string;
}

export const NO_FILTER: Filter = {
  isStartupOnly: false,
  hidesCounts: false,
  engine: null,
  type: null,
  text: '',
};

export function shownPairs(pairs: readonly FramePair[], filter: Filter): readonly FramePair[] {
  const words = filter.text.toLowerCase();
  return pairs.filter(({ line, engine, from, to }) => {
    if (filter.isStartupOnly && !STARTUP_TYPES.has(line.type)) return false;
    if (filter.hidesCounts && line.type === 'COUNTS') return false;
    if (filter.type !== null && line.type !== filter.type) return false;
    if (filter.engine !== null && engine !== null && engine !== filter.engine) return false;
    if (words === '') return true;
    const where = `${line.type} ${from} ${to} ${JSON.stringify(line.message)}`;
    return where.toLowerCase().includes(words);
  });
}
