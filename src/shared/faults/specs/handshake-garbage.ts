import { GARBAGE_PARAMETERS } from '../common-parameters.ts';
import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_GARBAGE = defineFault({
  id: 'handshake.garbage',
  place: 'start-up',
  meaning: 'Bytes that are no message stand in the place of one of the start-up.',
  inVllm:
    'For HELLO and READY msgspec.DecodeError in wait_for_engine_startup, for the ready response in MPClient: the server ends with exit code 1. An empty ready response (bytes: 0) is none of them: vLLM takes it for that of an engine that tells nothing of itself; ours refuses it.',
  source:
    'vllm/v1/engine/utils.py wait_for_engine_startup, vllm/v1/engine/core_client.py MPClient._apply_ready_response',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    message: {
      type: 'choice',
      choices: ['hello', 'ready', 'ready-response'],
      doc: 'Which message.',
      default: 'hello',
    },
    ...GARBAGE_PARAMETERS,
  },
  example: { message: 'hello' },
});
