import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_SECOND_HELLO = defineFault({
  id: 'handshake.second-hello',
  place: 'start-up',
  meaning: 'The engine says HELLO twice.',
  inVllm:
    'RuntimeError `Unexpected HELLO message for local engine 0 in CoreEngineState.CONNECTED state.`; the server ends with exit code 1.',
  source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
  takesEngine: true,
  isMomentary: true,
  parameters: {},
  example: {},
});
