import { directionParameter } from '../common-parameters.ts';
import { defineFault } from '../fault-spec.ts';

export const WIRE_DROP = defineFault({
  id: 'wire.drop',
  place: 'wire',
  meaning:
    "Some of the engine's messages to or from its frontends are lost, as no ZeroMQ socket loses them by itself. Each direction is counted by itself. The handshake, the coordinator, ENGINE_CORE_DEAD and the calls by which a fault is ended are left alone.",
  inVllm:
    'Nothing tells. A lost request waits without an end; a lost output leaves a gap in the text, a lost last one a request that never ends, and lost statistics leave gauges as they were and counters behind. A lost utility call waits without an end too.',
  source: 'vllm/v1/engine/core.py process_input_sockets, process_output_sockets',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    every: {
      type: 'integer',
      doc: 'Every n-th message; 1 loses all.',
      min: 1,
      max: 1_000_000,
      default: 1,
    },
    direction: directionParameter('from-engine'),
  },
  example: { every: 10 },
});
