import { HTTP_LATENCY as SPEC } from '../../shared/faults/specs/http-latency.ts';
import { Prng } from '../../shared/prng.ts';
import { frontendFault } from './frontend-fault.ts';
import { createPick } from './pick.ts';

export const HTTP_LATENCY = frontendFault(SPEC, ({ delay, jitter, ...which }, { timers }) => {
  const takes = createPick(which);
  // Not the sequence by which they are picked: the same draw would tie how long to whether.
  const prng = new Prng(which.seed + 1);
  const held = new Set<() => void>();
  return {
    hold: (path, goOn) => {
      if (!takes(path)) return null;
      const timer = timers.after(delay + prng.nextFloat() * jitter, () => release());
      const forget = (): void => {
        timer.cancel();
        held.delete(release);
      };
      const release = (): void => {
        forget();
        goOn();
      };
      held.add(release);
      return forget;
    },
    end: () => {
      for (const release of [...held]) release();
    },
  };
});
