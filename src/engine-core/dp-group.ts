/**
 * Where data-parallel ranks meet: every rank votes, rank 0 counts, all learn the outcome. In vLLM this is an all-reduce over
 * a process group at data_parallel_master_ip:port; ours is a ROUTER and DEALERs at the same place. A rank that has ended
 * is taken to have no work.
 * Source: vllm/config/parallel.py stateless_init_dp_group, sync_dp_state (0.33.0).
 */

import { DroppedMessages } from '../shared/dropped-messages.ts';
import { reasonOf, ServerError, StartupError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import { identityFromEngineIndex } from '../shared/protocol/identity.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import { systemTimers, type Timer, type Timers } from '../shared/timers.ts';
import type { Frame, Transport } from '../shared/transport/transport.ts';
import { type DpOutcome, type DpVote, tallyVotes } from './dp-engine-core.ts';

export interface DpGroup {
  /** Resolves once all ranks have voted. Rejects with E_DP_GROUP where one does not in time. */
  agree(vote: DpVote): Promise<DpOutcome>;
  /**
   * This rank stands still on purpose: the others wait for its vote without a deadline while it says so. Gives what ends
   * that.
   */
  hold(): () => void;
  close(): Promise<void>;
}

export interface DpMember {
  readonly address: string;
  readonly rank: EngineIndex;
  readonly size: number;
  /** How long a rank waits for the votes of the others. */
  readonly timeoutSeconds: number;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly logger: Pick<Logger, 'warn'>;
}

const LINGER_MS = 1_000;
const options = { name: 'dp_group', lingerMs: LINGER_MS } as const;

/** One byte: bit 0 unfinished work, bit 1 pause. */
function encodeVote({ hasUnfinished, pendingPause }: DpVote): Uint8Array {
  return Uint8Array.of((hasUnfinished ? 1 : 0) | (pendingPause ? 2 : 0));
}

function decodeVote(byte: number): DpVote {
  return { hasUnfinished: (byte & 1) !== 0, pendingPause: (byte & 2) !== 0 };
}

function encodeOutcome({ hasUnfinished, pauseConsensus }: DpOutcome): Uint8Array {
  return Uint8Array.of((hasUnfinished ? 1 : 0) | (pauseConsensus ? 2 : 0));
}

/** What a rank says that ends. */
const LEAVE = Uint8Array.of(0xff);
/** What a rank says that stands still on purpose; the leader passes it on. */
const HELD = Uint8Array.of(0xfe);
/** Between two HELD; a rank that stands still and dies says no more, and the deadline runs again. */
const MAX_HELD_INTERVAL_MS = 5_000;
const IDLE: DpVote = { hasUnfinished: false, pendingPause: false };

/** Null where that is no vote. */
function voteByte([frame, ...others]: readonly Frame[]): number | null {
  const byte = frame?.[0];
  const isOne = frame?.length === 1 && others.length === 0;
  const isKnown = byte !== undefined && (byte <= 3 || byte === LEAVE[0] || byte === HELD[0]);
  return isOne && isKnown ? byte : null;
}

/** Of all ranks but the first, which is the leader itself. */
function isFollower(identity: Frame, size: number): boolean {
  const rank = (identity[0] ?? 0) | ((identity[1] ?? 0) << 8);
  return identity.length === 2 && rank > 0 && rank < size;
}

/** Rank 0 binds `address`, the others connect to it. Throws E_PORT_IN_USE. */
export function joinDpGroup(transport: Transport, member: DpMember): Promise<DpGroup> {
  return member.rank === 0 ? leadGroup(transport, member) : followGroup(transport, member);
}

function groupError(what: string): ServerError {
  return new ServerError('E_DP_GROUP', `the data-parallel ranks cannot agree: ${what}`);
}

/** Says HELD at once and then again and again, often enough for the others' deadline; gives what ends that. */
function sayHeld({ timeoutSeconds, timers = systemTimers }: DpMember, say: () => void): () => void {
  const intervalMs = Math.min(MAX_HELD_INTERVAL_MS, timeoutSeconds * 250);
  const sayAndRepeat = (): Timer => {
    say();
    return timers.after(intervalMs, () => {
      timer = sayAndRepeat();
    });
  };
  let timer = sayAndRepeat();
  return () => timer.cancel();
}

/** One agreement under way, with its deadline. */
class Agreement {
  readonly #member: DpMember;
  readonly #missing: () => string;
  readonly #resolve: (outcome: DpOutcome) => void;
  readonly #reject: (error: Error) => void;
  #timer: Timer;

  constructor(
    resolve: (outcome: DpOutcome) => void,
    reject: (error: Error) => void,
    { member, missing }: { member: DpMember; missing: () => string },
  ) {
    this.#member = member;
    this.#missing = missing;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = this.#start();
  }

  /** Somebody stands still on purpose: the deadline begins anew. */
  restart(): void {
    this.#timer.cancel();
    this.#timer = this.#start();
  }

  settle(outcome: DpOutcome): void {
    this.cancel();
    this.#resolve(outcome);
  }

  fail(what: string): void {
    this.cancel();
    this.#reject(groupError(what));
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #start(): Timer {
    const { timeoutSeconds, timers = systemTimers } = this.#member;
    return timers.after(timeoutSeconds * 1000, () => {
      const wait = `within ${timeoutSeconds} seconds`;
      const hint = '(--cpu-distributed-timeout-seconds sets the wait)';
      this.fail(`${this.#missing()} ${wait}. Did one of them end? ${hint}`);
    });
  }
}

async function leadGroup(transport: Transport, member: DpMember): Promise<DpGroup> {
  const { address, size, logger } = member;
  const router = await bind(transport, address);
  const votes = new Map<string, { identity: Frame; vote: DpVote }>();
  let own: { vote: DpVote; agreement: Agreement } | null = null;
  const left = new Set<string>();
  const numMissing = (): number => size - 1 - votes.size - left.size;
  const missing = (): string => `${numMissing()} of ${size} ranks sent no vote`;
  const settle = (): void => {
    if (own === null || numMissing() > 0) return;
    const others = Array.from(votes.values(), ({ vote }) => vote);
    const outcome = tallyVotes([own.vote, ...others, ...Array.from(left, () => IDLE)]);
    for (const { identity } of votes.values()) router.sendTo(identity, [encodeOutcome(outcome)]);
    votes.clear();
    const { agreement } = own;
    own = null;
    agreement.settle(outcome);
  };
  const passOnHeld = (): void => {
    own?.agreement.restart();
    for (const { identity } of votes.values()) router.sendTo(identity, [HELD]);
  };
  const dropped = new DroppedMessages(logger);
  router.onMessage((identity, frames) => {
    const byte = voteByte(frames);
    if (byte === null || !isFollower(identity, size)) {
      dropped.drop('data-parallel group', 'what is no vote of a rank');
      return;
    }
    if (byte === HELD[0]) {
      passOnHeld();
      return;
    }
    const key = Buffer.from(identity).toString('hex');
    if (byte === LEAVE[0]) {
      votes.delete(key);
      left.add(key);
    } else votes.set(key, { identity, vote: decodeVote(byte) });
    settle();
  });
  return {
    agree: (vote) =>
      new Promise((resolve, reject) => {
        own = { vote, agreement: new Agreement(resolve, reject, { member, missing }) };
        settle();
      }),
    hold: () => sayHeld(member, passOnHeld),
    close: () => {
      own?.agreement.cancel();
      return router.close();
    },
  };
}

async function bind(transport: Transport, address: string) {
  try {
    return await transport.bindRouter(address, { ...options, handover: false });
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new StartupError(
      'E_PORT_IN_USE',
      `rank 0 cannot lead the data-parallel ranks at ${address}, the frontend's data_parallel_master_port: ${reason}`,
      { cause },
    );
  }
}

async function followGroup(transport: Transport, member: DpMember): Promise<DpGroup> {
  const { address, rank } = member;
  const identity = identityFromEngineIndex(rank);
  const dealer = transport.connectDealer(address, { ...options, identity });
  let waiting: Agreement | null = null;
  let isLeaderGone = false;
  const missing = (): string => `no outcome from rank 0 at ${address}`;
  const gone = `rank 0 at ${address} has ended`;
  dealer.onConnection((isConnected) => {
    if (isConnected) return;
    // What was on its way is lost: there is no way back into the rounds.
    isLeaderGone = true;
    waiting?.fail(gone);
    waiting = null;
  });
  dealer.onMessage(([frame]) => {
    const byte = frame?.[0] ?? 0;
    if (byte === HELD[0]) {
      waiting?.restart();
      return;
    }
    const agreement = waiting;
    waiting = null;
    agreement?.settle({ hasUnfinished: (byte & 1) !== 0, pauseConsensus: (byte & 2) !== 0 });
  });
  return {
    agree: (vote) => {
      if (isLeaderGone) return Promise.reject(groupError(gone));
      return new Promise((resolve, reject) => {
        waiting = new Agreement(resolve, reject, { member, missing });
        dealer.send([encodeVote(vote)]);
      });
    },
    hold: () => sayHeld(member, () => isLeaderGone || dealer.send([HELD])),
    close: () => {
      waiting?.cancel();
      if (!isLeaderGone) dealer.send([LEAVE]);
      return dealer.close();
    },
  };
}
