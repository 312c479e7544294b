/** Frames as a tap shows them, for tests. */
import type { TappedFrame, TappedSocket } from '../../src/shared/tap/tap.ts';

export const INPUT_ROUTER: TappedSocket = {
  name: 'input',
  type: 'ROUTER',
  address: 'ipc:///run/input-0',
  index: 0,
};

/** An abort for engine 0, unless something else is said. */
export function tappedFrame(changes: Partial<TappedFrame> = {}): TappedFrame {
  return {
    seq: 1,
    monotonicMs: 1_000.5,
    socket: INPUT_ROUTER,
    direction: 'send',
    identity: Buffer.from('0000', 'hex'),
    parts: [Buffer.from('01', 'hex'), Buffer.from('91a172', 'hex')],
    ...changes,
  };
}
