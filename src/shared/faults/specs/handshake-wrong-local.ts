import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_WRONG_LOCAL = defineFault({
  id: 'handshake.wrong-local',
  place: 'start-up',
  meaning:
    'The engine says of itself that it is remote where it is local, or local where it is remote.',
  inVllm:
    'RuntimeError `HELLO message from remote engine 0, expected it to be local`, or the other way round; the server ends with exit code 1.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
