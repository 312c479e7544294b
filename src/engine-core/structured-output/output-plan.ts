/**
 * What a request that is constrained, or told what to say, will say: made once, before it is admitted, so that any token
 * of it is known by its position. A step costs nothing by it, and a token sampled again is the same token.
 */

/** Stands where the token source speaks. */
export const FREE_TOKEN = -1;

export interface OutputPlan {
  /** Output tokens from the first on; FREE_TOKEN for those that are left to the token source. */
  readonly tokenIds: readonly number[];
  /** After them: a stop token, or whatever the token source says. */
  readonly end: 'stop' | 'free';
  /** The stop token of a request that has none of its own. */
  readonly stopTokenId: number;
}
