/** A row of the table: what is measured, of whom, and what it should come to. */

import type { LoadClient } from './load-client.ts';
import type { PeerName } from './peer.ts';
import type { PeerSets } from './peer-sets.ts';
import type { Sample } from './sample.ts';
import type { Settings } from './settings.ts';

/** A bound on the twin's value: by itself, or as a multiple of what another server takes in the same round. */
export interface Bound {
  readonly against: PeerName | null;
  /** Whether more is better: tokens per second, not microseconds. */
  readonly isAtLeast?: boolean;
  /** Null where only the ratio is of interest. */
  readonly aim: number | null;
  readonly met: number | null;
}

export interface Measured {
  readonly peer: PeerName;
  /** One a round; the same index is the same round. */
  readonly samples: readonly Sample[];
  /** What else is worth a word, e.g. events a stream. */
  readonly note?: string;
}

export interface RowResult {
  readonly row: string;
  readonly title: string;
  readonly unit: string;
  readonly measured: readonly Measured[];
  readonly bounds: readonly Bound[];
}

export interface RowContext {
  readonly settings: Settings;
  readonly client: LoadClient;
  readonly peers: PeerSets;
  /** The binary of vLLM's Rust frontend, or null where there is none. */
  readonly vllmRs: string | null;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  /** Some rows measure several things at once, e.g. CPU and wall-clock time of one start. */
  run(context: RowContext): Promise<readonly RowResult[]>;
}
