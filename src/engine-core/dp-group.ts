/**
 * The agreement of data-parallel ranks: every rank votes, rank 0 counts, all learn the outcome. In vLLM this is an
 * all-reduce over a process group at data_parallel_master_ip:port; ours is a ROUTER and DEALERs at the same place.
 * Source: vllm/config/parallel.py stateless_init_dp_group, sync_dp_state (0.33.0).
 */

import { identityFromEngineIndex } from '../shared/protocol/identity.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { type DpOutcome, type DpVote, tallyVotes } from './dp-engine-core.ts';

export interface DpGroup {
  /** Resolves once all ranks have voted. */
  agree(vote: DpVote): Promise<DpOutcome>;
  close(): Promise<void>;
}

const LINGER_MS = 1_000;
const options = { lingerMs: LINGER_MS };

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

/** Rank 0 binds `address`, the others connect to it. */
export async function joinDpGroup(
  transport: Transport,
  member: { readonly address: string; readonly rank: EngineIndex; readonly size: number },
): Promise<DpGroup> {
  return member.rank === 0 ? leadGroup(transport, member) : followGroup(transport, member);
}

async function leadGroup(
  transport: Transport,
  { address, size }: { address: string; size: number },
): Promise<DpGroup> {
  const router = await transport.bindRouter(address, { ...options, handover: false });
  const votes = new Map<string, { identity: Uint8Array; vote: DpVote }>();
  let own: { vote: DpVote; resolve: (outcome: DpOutcome) => void } | null = null;
  const settle = (): void => {
    if (own === null || votes.size < size - 1) return;
    const outcome = tallyVotes([own.vote, ...Array.from(votes.values(), ({ vote }) => vote)]);
    for (const { identity } of votes.values()) router.sendTo(identity, [encodeOutcome(outcome)]);
    votes.clear();
    const { resolve } = own;
    own = null;
    resolve(outcome);
  };
  router.onMessage((identity, [frame]) => {
    votes.set(Buffer.from(identity).toString('hex'), {
      identity,
      vote: decodeVote(frame?.[0] ?? 0),
    });
    settle();
  });
  return {
    agree: (vote) =>
      new Promise((resolve) => {
        own = { vote, resolve };
        settle();
      }),
    close: () => router.close(),
  };
}

async function followGroup(
  transport: Transport,
  { address, rank }: { address: string; rank: EngineIndex },
): Promise<DpGroup> {
  const dealer = transport.connectDealer(address, {
    ...options,
    identity: identityFromEngineIndex(rank),
  });
  let waiting: ((outcome: DpOutcome) => void) | null = null;
  dealer.onMessage(([frame]) => {
    const byte = frame?.[0] ?? 0;
    waiting?.({ hasUnfinished: (byte & 1) !== 0, pauseConsensus: (byte & 2) !== 0 });
  });
  return {
    agree: (vote) =>
      new Promise((resolve) => {
        waiting = resolve;
        dealer.send([encodeVote(vote)]);
      }),
    close: () => dealer.close(),
  };
}
