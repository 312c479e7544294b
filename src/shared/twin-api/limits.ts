/** Bounds that engines keep, and that whoever asks them can tell beforehand. */

/** Of simulated step time. */
export const MIN_STEP_FACTOR = 0.01;
export const MAX_STEP_FACTOR = 10;
/** Steps that one change of the clock may allow. */
export const MAX_ALLOWED_STEPS = 1_000_000;
