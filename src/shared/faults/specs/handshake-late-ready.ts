import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_LATE_READY = defineFault({
  id: 'handshake.late-ready',
  place: 'start-up',
  meaning: 'The engine is ready, and says READY late: its ready response is there before.',
  inVllm:
    'The handshake has no deadline: after every 10 s of silence the frontend logs at debug `Waiting for 1 local, 0 remote core engine proc(s) to start.`, and it starts when READY has come. Here --engine-ready-timeout bounds it.',
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
