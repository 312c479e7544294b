import { HANDSHAKE_WRONG_RANK } from '../../shared/faults/specs/handshake-wrong-rank.ts';
import { startupFault } from './startup-fault.ts';

export const WRONG_RANK = startupFault(HANDSHAKE_WRONG_RANK, ({ rank }, host) =>
  host.claimRank(rank),
);
