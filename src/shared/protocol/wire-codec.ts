/**
 * Every message of the engine-core protocol, from frames to objects and back, as one vLLM version says it: the only place
 * where vLLM's snake_case names and the bytes appear. A process makes one codec and hands it to its parts. Frames are what
 * travels behind the identity. Decoding a bad frame throws a ServerError E_BAD_FRAME whose message names struct, field,
 * what was expected and what came; nothing else is thrown.
 */
import { createCallForms } from './call-forms.ts';
import { createCoordinatorMessages } from './messages/coordinator-messages.ts';
import { createEngineInputMessages } from './messages/engine-input-messages.ts';
import { createEngineOutputMessages } from './messages/engine-output-messages.ts';
import { createKVEventMessages } from './messages/kv-event-messages.ts';
import { createStartupMessages } from './messages/startup-messages.ts';
import { createStructCodecs } from './struct-codec.ts';
import type { WireVersion } from './wire-version.ts';

/**
 * Its functions are pure and stand alone: they may be taken out of it. Beside them it holds what its version says of more
 * than one message.
 */
export type WireCodec = ReturnType<typeof createWireCodec>;

export function createWireCodec({ tables, waves, absentCalls }: WireVersion) {
  const structs = createStructCodecs(tables);
  return {
    /** Which of the coordinator's messages there are. */
    waves,
    /** Which calls there are not. */
    absentCalls,
    ...createCallForms(structs.loraRequest.table, absentCalls),
    ...createStartupMessages(structs),
    ...createEngineInputMessages(structs),
    ...createEngineOutputMessages(structs),
    ...createCoordinatorMessages(),
    ...createKVEventMessages(structs),
  };
}
