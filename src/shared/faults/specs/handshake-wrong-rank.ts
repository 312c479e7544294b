import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_WRONG_RANK = defineFault({
  id: 'handshake.wrong-rank',
  place: 'start-up',
  meaning: 'The engine comes with the identity of another rank.',
  inVllm:
    'RuntimeError `Message from engine with unexpected data parallel rank: 7`, or with the rank of another engine `Unexpected HELLO message for …`; the server ends with exit code 1.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    rank: { type: 'integer', doc: 'The rank that it claims to be.', min: 0, max: 65_535 },
  },
  example: { rank: 7 },
});
