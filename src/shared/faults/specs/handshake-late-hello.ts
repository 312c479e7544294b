import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_LATE_HELLO = defineFault({
  id: 'handshake.late-hello',
  place: 'start-up',
  meaning: 'The engine says HELLO late.',
  inVllm:
    'The handshake has no deadline: after every 10 s of silence the frontend logs at debug `Waiting for 1 local, 0 remote core engine proc(s) to connect.`, and it starts when the engine has come. Here --engine-ready-timeout bounds it.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    delay: {
      type: 'duration',
      doc: 'How long after it could have said it.',
      minMs: 1,
      maxMs: 3_600_000,
      default: 5_000,
    },
  },
  example: { delay: '5s' },
});
