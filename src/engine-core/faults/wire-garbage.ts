import { WIRE_GARBAGE } from '../../shared/faults/specs/wire-garbage.ts';
import { Prng } from '../../shared/prng.ts';
import { engineFault } from './engine-fault.ts';
import { randomBytes } from './random-bytes.ts';
import { everyNth, onDirections } from './wire-directions.ts';

export const GARBAGE = engineFault(WIRE_GARBAGE, ({ every, bytes, seed, direction }, host) =>
  onDirections(host, direction, () => {
    const prng = new Prng(seed);
    return everyNth(every, () => [randomBytes(prng, bytes)]);
  }),
);
