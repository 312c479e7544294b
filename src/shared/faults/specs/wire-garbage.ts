import { defineFault } from '../fault-spec.ts';

export const WIRE_GARBAGE = defineFault({
  id: 'wire.garbage',
  place: 'wire',
  meaning: "Bytes that are no message come in the place of some of the engine's messages.",
  inVllm:
    "From the engine: the frontend's output task ends with the decoding error, and with it the engine client: running requests get 500, the server ends. To the engine: its input thread ends, and nothing more is taken in. Here a bad frame costs that message, and is counted and logged.",
  source:
    'vllm/v1/engine/core_client.py process_outputs_socket, vllm/v1/engine/core.py process_input_sockets',
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
