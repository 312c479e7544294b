import * as v from 'valibot';
import { defineFault } from './fault.ts';

/** The simulated model died under a request that asked for it: a fatal error of the engine. */
export class ModelCrashError extends Error {
  override readonly name = 'ModelCrashError';
}

const MEANING =
  'The model dies under the request, and the engine process with it, with exit code 1.';

export const CRASH_ON_REQUEST = defineFault({
  id: 'engine.crash-on-request',
  meaning: MEANING,
  parameters: v.strictObject({
    'after-tokens': v.pipe(
      v.optional(
        v.pipe(
          v.string('a whole number'),
          v.regex(/^\d{1,9}$/, 'a whole number'),
          v.transform(Number),
        ),
        '0',
      ),
      v.description('output tokens that the request has got before (0)'),
    ),
  }),
  arm: ({ 'after-tokens': afterTokens }) => ({
    beforeSampling({ requestId, numOutputTokens }) {
      if (numOutputTokens < afterTokens) return;
      throw new ModelCrashError(`engine.crash-on-request was asked for by request ${requestId}`);
    },
  }),
});
