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
    bytes: {
      type: 'integer',
      doc: 'How many bytes.',
      min: 0,
      max: 1_048_576,
      default: 16,
      unit: 'bytes',
    },
    seed: { type: 'integer', doc: 'Which bytes.', min: 0, max: 4_294_967_295, default: 0 },
    direction: {
      type: 'choice',
      choices: ['to-engine', 'from-engine', 'both'],
      doc: 'Whose messages, seen from the engine.',
      default: 'from-engine',
    },
  },
  example: { every: 10 },
});
