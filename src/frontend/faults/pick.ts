import { Prng } from '../../shared/prng.ts';

export interface PickValues {
  readonly first: number | null;
  readonly every: number | null;
  readonly share: number | null;
  readonly seed: number;
  readonly path: string;
}

/** Says of each request in turn whether the fault takes it: one whose path does not fit is not counted. */
export function createPick(values: PickValues): (path: string) => boolean {
  const { first, every, share, path: prefix } = values;
  const prng = new Prng(values.seed);
  let numSeen = 0;
  return (path) => {
    if (!path.startsWith(prefix)) return false;
    numSeen += 1;
    if (first !== null) return numSeen <= first;
    if (every !== null) return numSeen % every === 0;
    return share === null || prng.nextFloat() < share;
  };
}
