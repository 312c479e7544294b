/**
 * One `/metrics` for several API servers: whichever is scraped asks the primary, which asks all of them and hands their
 * numbers back. Pure: the primary gives it the ways to ask and to answer.
 */
import { assert } from '../../shared/assert.ts';
import type { FamilySnapshot } from '../metrics/families.ts';

type Snapshot = readonly FamilySnapshot[];

interface Gathering {
  readonly clientIndex: number;
  /** The asker's own number for it. */
  readonly askedAs: number;
  readonly snapshots: (Snapshot | null)[];
  numMissing: number;
}

export interface SnapshotGatheringOptions {
  readonly clientCount: number;
  readonly ask: (clientIndex: number, requestId: number) => void;
  readonly answer: (clientIndex: number, requestId: number, snapshots: readonly Snapshot[]) => void;
}

/** Scrapes that may be under way at once; more are a client that does not wait for its answers. */
export const MAX_GATHERINGS = 1_000;

export class SnapshotGathering {
  readonly #options: SnapshotGatheringOptions;
  readonly #gatherings = new Map<number, Gathering>();
  #nextId = 1;

  constructor(options: SnapshotGatheringOptions) {
    this.#options = options;
  }

  get underWayCount(): number {
    return this.#gatherings.size;
  }

  /** An API server was scraped. */
  start(clientIndex: number, askedAs: number): void {
    const { clientCount, ask } = this.#options;
    // The oldest one's asker has long given up.
    const [oldest] = this.#gatherings.keys();
    if (this.#gatherings.size >= MAX_GATHERINGS && oldest !== undefined) {
      this.#gatherings.delete(oldest);
    }
    const id = this.#nextId;
    this.#nextId += 1;
    this.#gatherings.set(id, {
      clientIndex,
      askedAs,
      snapshots: Array.from({ length: clientCount }, () => null),
      numMissing: clientCount,
    });
    for (let index = 0; index < clientCount; index++) ask(index, id);
  }

  /** An API server's numbers; answers the asker with the last one. In order of client index. */
  add(clientIndex: number, id: number, snapshot: Snapshot): void {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined || gathering.snapshots[clientIndex] !== null) return;
    gathering.snapshots[clientIndex] = snapshot;
    gathering.numMissing -= 1;
    if (gathering.numMissing > 0) return;
    this.#gatherings.delete(id);
    const all = gathering.snapshots.filter((one) => one !== null);
    assert(all.length === this.#options.clientCount, 'a snapshot of each API server');
    this.#options.answer(gathering.clientIndex, gathering.askedAs, all);
  }
}
