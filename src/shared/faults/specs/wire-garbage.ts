import { directionParameter, GARBAGE_PARAMETERS } from '../common-parameters.ts';
import { defineFault } from '../fault-spec.ts';

export const WIRE_GARBAGE = defineFault({
  id: 'wire.garbage',
  place: 'wire',
  meaning:
    "Bytes that are no message come in the place of some of the engine's messages to or from its frontends. Each direction is counted by itself. The handshake, the coordinator, ENGINE_CORE_DEAD and the calls by which a fault is ended are left alone.",
  inVllm:
    'From the engine: `AsyncLLM output_handler failed.` with the decoding error; running requests get 500, /health is 503, and the server stops within 5 s. To the engine: its input thread ends with the decoding error, and nothing more is taken in. Here a bad frame costs that message, and is counted and logged.',
  source:
    'vllm/v1/engine/core_client.py AsyncMPClient._ensure_output_queue_task, vllm/v1/engine/async_llm.py AsyncLLM._run_output_handler, vllm/v1/engine/core.py EngineCoreProc.process_input_sockets',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    every: {
      type: 'integer',
      doc: 'Every n-th message; 1 spoils all.',
      min: 1,
      max: 1_000_000,
      default: 1,
    },
    ...GARBAGE_PARAMETERS,
    direction: directionParameter('from-engine'),
  },
  example: { every: 10 },
});
