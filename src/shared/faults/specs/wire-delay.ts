import { directionParameter } from '../common-parameters.ts';
import { defineFault } from '../fault-spec.ts';

export const WIRE_DELAY = defineFault({
  id: 'wire.delay',
  place: 'wire',
  meaning:
    "The engine's messages to and from its frontends take longer, in their order; what waits when the fault ends goes at once. At most 10,000 messages or 64 MiB wait each way: beyond that the oldest goes early. The handshake, the coordinator, ENGINE_CORE_DEAD and the calls by which a fault is ended are left alone.",
  inVllm: 'Time to first token and inter-token latency grow by it; nothing is lost.',
  source: 'vllm/v1/engine/core.py process_input_sockets, process_output_sockets',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    delay: {
      type: 'duration',
      doc: 'How much longer each takes.',
      minMs: 1,
      maxMs: 600_000,
      default: 100,
    },
    direction: directionParameter('both'),
  },
  example: { delay: '100ms' },
});
