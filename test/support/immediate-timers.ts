import type { Timers } from '../../src/shared/timers.ts';

/** What is to be called later is called at once. */
export const IMMEDIATE_TIMERS: Pick<Timers, 'after'> = {
  after: (_ms, handler) => {
    handler();
    return { cancel: () => {} };
  },
};
