/** Messages of an honest frontend as a broken one would send them. */
import type { EngineHandshakeMetadata } from '../../src/shared/protocol/handshake.ts';
import type {
  EngineCoreRequest,
  EngineInput,
  SamplingParams,
} from '../../src/shared/protocol/request.ts';
import type { Frame } from '../../src/shared/transport/transport.ts';
import type { Mutate, WireMessage, WireMutation } from './mutating-transport.ts';
import { wireCodec } from './wire-codec.ts';

type Add = Extract<EngineInput, { type: 'ADD' }>;

/** One byte behind what a message's last frame says: no decoder that reads it whole takes that. */
function withByteBehind(message: WireMessage): WireMessage {
  const frames = message.frames.map((frame, index) =>
    index === message.frames.length - 1 ? Buffer.concat([frame, Buffer.of(0xc0)]) : frame,
  );
  return { ...message, frames };
}

/** Inputs of a type are spoilt. */
export function spoilt(type: EngineInput['type']): WireMutation {
  return {
    toEngine: (message) => [inputOf(message)?.type === type ? withByteBehind(message) : message],
  };
}

export function spoiltInit(): WireMutation {
  return {
    toEngine: (message) => [message.socket === 'handshake' ? withByteBehind(message) : message],
  };
}

export function changedInit(
  change: (init: EngineHandshakeMetadata, rank: number) => EngineHandshakeMetadata,
): WireMutation {
  const toEngine: Mutate = (message) => {
    if (message.socket !== 'handshake') return [message];
    const init = change(wireCodec.decodeHandshakeMetadata(message.frames), message.rank);
    return [{ ...message, frames: wireCodec.encodeHandshakeMetadata(init) }];
  };
  return { toEngine };
}

export function changedAdd(
  change: (request: EngineCoreRequest) => EngineCoreRequest,
): WireMutation {
  return changedAdds((add) => ({ ...add, request: change(add.request) }));
}

export function changedParams(
  change: (params: SamplingParams, request: EngineCoreRequest) => Partial<SamplingParams>,
): WireMutation {
  return changedAdd((request) => {
    const { samplingParams } = request;
    if (samplingParams === null) return request;
    return {
      ...request,
      samplingParams: { ...samplingParams, ...change(samplingParams, request) },
    };
  });
}

function changedAdds(change: (add: Add) => Add): WireMutation {
  return {
    toEngine(message) {
      const input = inputOf(message);
      if (input?.type !== 'ADD') return [message];
      return [{ ...message, frames: wireCodec.encodeEngineInput(change(input)) }];
    },
  };
}

/** Requests of so many tokens all go to rank 0. */
export function toFirstEngine(limit: number): WireMutation {
  return {
    toEngine(message) {
      const input = inputOf(message);
      const isMeant = input?.type === 'ADD' && input.request.samplingParams?.maxTokens === limit;
      return [isMeant ? { ...message, rank: 0 } : message];
    },
  };
}

/** Requests that name rank 1 go to rank 0. */
export function rankUnheeded(): WireMutation {
  return moved((request) => request.dataParallelRank === 1);
}

/** Requests that name no rank all go to rank 0. */
export function allToFirstEngine(): WireMutation {
  return moved((request) => request.dataParallelRank === null);
}

/** Such requests, and what is said of them later, go to rank 0. */
function moved(isMeant: (request: EngineCoreRequest) => boolean): WireMutation {
  const ids = new Set<string>();
  return {
    toEngine(message) {
      const input = inputOf(message);
      if (input?.type === 'ADD' && isMeant(input.request)) ids.add(input.request.requestId);
      const named =
        input?.type === 'ADD'
          ? [input.request.requestId]
          : input?.type === 'ABORT'
            ? input.requestIds
            : [];
      return [named.some((id) => ids.has(id)) ? { ...message, rank: 0 } : message];
    },
  };
}

/** No ABORT comes of requests of so many tokens. */
export function withoutAborts(limit: number): WireMutation {
  const ids = new Set<string>();
  return {
    toEngine(message) {
      const input = inputOf(message);
      if (input?.type === 'ADD' && input.request.samplingParams?.maxTokens === limit)
        ids.add(input.request.requestId);
      if (input?.type !== 'ABORT') return [message];
      const requestIds = input.requestIds.filter((id) => !ids.has(id));
      if (requestIds.length === 0) return [];
      return [{ ...message, frames: wireCodec.encodeEngineInput({ ...input, requestIds }) }];
    },
  };
}

/** Requests of which the client has named the id get that alone as their own, as often as they come. */
export function repeatedIds(name: string): WireMutation {
  const ownId = `${name}-0`;
  let realId = '';
  return {
    toEngine(message) {
      const input = inputOf(message);
      if (input?.type !== 'ADD' || input.request.externalReqId?.includes(name) !== true)
        return [message];
      realId = input.request.requestId;
      const request = { ...input.request, requestId: ownId };
      return [{ ...message, frames: wireCodec.encodeEngineInput({ type: 'ADD', request }) }];
    },
    toFrontend(message) {
      if (message.socket !== 'output') return [message];
      const outputs = decodedOutputs(message.frames);
      if (outputs === null) return [message];
      const renamed = outputs.outputs.map((output) =>
        output.requestId === ownId ? { ...output, requestId: realId } : output,
      );
      const frames = wireCodec.encodeEngineCoreOutputs({ ...outputs, outputs: renamed });
      return [{ ...message, frames }];
    },
  };
}

/** The frontend does not take a ready response with a key that it does not know. */
export function withoutMoreKeys(): WireMutation {
  return {
    toFrontend(message) {
      const hasMore = message.frames.some((frame) => Buffer.from(frame).includes('newer_version'));
      return message.socket === 'input' && hasMore ? [] : [message];
    },
  };
}

/** INIT comes twice. */
export function doubledInit(): WireMutation {
  return {
    toEngine: (message) => (message.socket === 'handshake' ? [message, message] : [message]),
  };
}

/** The handshake socket answers when all is over, too. */
export function openHandshake(): WireMutation {
  let init: WireMessage | null = null;
  let numSent = 0;
  return {
    toEngine(message) {
      if (message.socket === 'handshake' && message.rank === 0) init = message;
      return [message];
    },
    toFrontend(message) {
      if (message.socket !== 'handshake' || message.rank !== 0) return [message];
      numSent += 1;
      // HELLO and READY come first.
      return numSent > 2 && init !== null ? [message, { ...init, answers: true }] : [message];
    },
  };
}

/** What the coordinator says does not come. */
export function withoutCoordinator(type: 'READY' | 'START_DP_WAVE'): WireMutation {
  return {
    toEngine(message) {
      if (message.socket !== 'coordinator_input') return [message];
      const isReady = wireCodec.isCoordinatorReady(message.frames);
      return (type === 'READY') === isReady ? [] : [message];
    },
  };
}

function inputOf({ socket, frames }: WireMessage): EngineInput | null {
  return socket === 'input' ? wireCodec.decodeEngineInput(frames) : null;
}

function decodedOutputs(frames: readonly Frame[]) {
  try {
    const outputs = wireCodec.decodeEngineCoreOutputs(frames);
    return outputs === 'ENGINE_CORE_DEAD' ? null : outputs;
  } catch {
    return null;
  }
}
