/**
 * What a part of `npm run attack` is: a module `scripts/attack/<name>.ts` that exports `run`. It starts what it attacks (on
 * loopback, built product), sends what its seed says for about as long as it is told, stops all of it, and tells.
 * It runs in a process of its own; what is alive after it, or runs past its time, is a failure that the runner adds.
 */

export interface AttackOptions {
  /** The same seed sends the same things in the same order. */
  readonly seed: number;
  /** How long to go on sending; start and stop come on top. */
  readonly seconds: number;
}

export interface AttackResult {
  readonly name: string;
  /** What was sent and what was answered, in the order to be shown: { requests: 1200, 'status 400': 900 }. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** A sentence each; empty where everything held. */
  readonly failures: readonly string[];
}

export interface AttackPart {
  /** Throws where it cannot go on. A part that prints its figures itself may return nothing. */
  run(options: AttackOptions): Promise<AttackResult | undefined>;
}
