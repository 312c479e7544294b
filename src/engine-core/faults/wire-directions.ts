import type { EndFault, EngineFaultHost } from './engine-fault.ts';
import type { WireDirection, WireFault } from './wire-faults.ts';

/** A fault of its own in each direction that is meant. */
export function onDirections(
  host: EngineFaultHost,
  direction: WireDirection | 'both',
  create: () => WireFault,
): EndFault {
  const directions: readonly WireDirection[] =
    direction === 'both' ? ['to-engine', 'from-engine'] : [direction];
  const ends = directions.map((one) => host.onWire(one, create()));
  return () => {
    for (const end of ends) end();
  };
}

/** Changes every n-th message, from the n-th on. */
export function everyNth(n: number, change: NonNullable<WireFault['change']>): WireFault {
  let numSeen = 0;
  return {
    change: (frames) => {
      numSeen += 1;
      return numSeen % n === 0 ? change(frames) : frames;
    },
  };
}
