import { ENGINE_RESERVE_KV } from '../../shared/faults/specs/engine-reserve-kv.ts';
import { engineFault } from './engine-fault.ts';

export const RESERVE_KV = engineFault(ENGINE_RESERVE_KV, ({ share }, host) =>
  host.reserveBlocks(share),
);
