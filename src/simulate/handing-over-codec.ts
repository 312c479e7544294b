/**
 * A codec for a simulation in which nobody looks at frames: an engine's outputs, of which there is a message a step, are
 * handed over as they are instead of encoded and decoded; all other messages are real. What comes of a run is the same
 * byte for byte (a test compares them), in half of the time.
 */
import type { EngineCoreOutputs } from '../shared/protocol/outputs.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import type { Frame } from '../shared/transport/transport.ts';

/** A message without frames, which holds what they would say. */
class HandedOver extends Array<Frame> {
  readonly outputs: EngineCoreOutputs;

  constructor(outputs: EngineCoreOutputs) {
    super();
    this.outputs = outputs;
  }
}

/** For a transport that carries messages as they are. */
export function createHandingOverCodec(codec: WireCodec): WireCodec {
  return {
    ...codec,
    encodeEngineCoreOutputs: (outputs) => new HandedOver(outputs),
    decodeEngineCoreOutputs: (frames) =>
      frames instanceof HandedOver ? frames.outputs : codec.decodeEngineCoreOutputs(frames),
  };
}
