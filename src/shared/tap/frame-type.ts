/**
 * What kind of message a frame is and which engine it is from or for, told by its socket and a few of its bytes. One word
 * each, as recordings, diagrams and the page have them.
 */
import { engineIndexFromIdentity } from '../protocol/identity.ts';
import type { EngineIndex } from '../protocol/ids.ts';
import { MsgpackReader } from '../protocol/msgpack-reader.ts';
import { EngineCoreRequestType } from '../protocol/request.ts';
import type { Frame } from '../transport/transport.ts';
import { readOrNull } from './read-or-null.ts';
import type { TappedFrame } from './tap.ts';

/** Every word, with what it says of the message. */
export const FRAME_TYPES = {
  HELLO: 'an engine says that it is there',
  INIT: 'the frontend answers HELLO: where to connect to',
  EngineCoreReadyResponse: "an engine's own figures, the first message on its input socket",
  READY: 'an engine, or the coordinator to all engines, says that it is ready',
  SUBSCRIBE: 'a subscriber wants all that is published',
  UNSUBSCRIBE: 'a subscriber wants no more',
  ADD: 'a request for an engine',
  ABORT: 'ids of requests that an engine is to end',
  UTILITY: 'a call of a method of an engine',
  START_DP_WAVE: 'engines of one model begin to step together',
  OUTPUTS: 'what a step of an engine gave: tokens, statistics, answers to calls',
  ENGINE_CORE_DEAD: 'an engine is lost',
  COUNTS:
    'running and waiting requests: of an engine for the coordinator, of all for the frontends',
  SCALE_ELASTIC_EP: 'the coordinator is to count another number of engines',
  FIRST_REQ: 'a frontend sends a request while no engine runs; from 0.33.0 on its engine says so',
  KV_EVENT: 'blocks that the prefix cache took up or gave up',
  KV_EVENT_REPLAY: 'a subscriber wants events again, or gets them',
  DP_GROUP: 'ranks of one model agree on a step; in vLLM this is an all-reduce, and no frame',
  UNKNOWN: 'nothing that vLLM says on that socket',
} as const satisfies Readonly<Record<string, string>>;

export type FrameType = keyof typeof FRAME_TYPES;

/** What is looked at of a frame; of a recorded one as of one in memory. */
export type TypedFrame = Pick<TappedFrame, 'socket' | 'direction' | 'identity' | 'parts'>;

/** The word for a frame. Never throws: what is no message of its socket is UNKNOWN. */
export function frameTypeOf({ socket, direction, parts }: TypedFrame): FrameType {
  switch (socket.name) {
    case 'handshake':
      return handshakeType(parts);
    case 'input': {
      // The ROUTER's side sends requests, the DEALER's its one response.
      const isToEngine = (socket.type === 'ROUTER') === (direction === 'send');
      return isToEngine ? requestType(parts) : mapOr(parts, 'EngineCoreReadyResponse');
    }
    case 'output':
      return isText(parts, 'ENGINE_CORE_DEAD') ? 'ENGINE_CORE_DEAD' : arrayOr(parts, 'OUTPUTS');
    case 'coordinator_output':
      return isText(parts, 'ENGINE_CORE_DEAD') ? 'ENGINE_CORE_DEAD' : arrayOr(parts, 'COUNTS');
    case 'coordinator_input':
      if (isText(parts, 'READY')) return 'READY';
      return subscriptionType(parts) ?? requestType(parts);
    case 'frontend_stats_publish': {
      const isFromFrontend = (socket.type === 'XSUB') === (direction === 'send');
      return (
        subscriptionType(parts) ?? arrayOr(parts, isFromFrontend ? noticeType(parts) : 'COUNTS')
      );
    }
    case 'kv_events':
      return 'KV_EVENT';
    case 'kv_events_replay':
      return 'KV_EVENT_REPLAY';
    case 'dp_group':
      return 'DP_GROUP';
    default:
      return 'UNKNOWN';
  }
}

/** The engine at the other end; null where that is no engine, is none in particular, or cannot be told. */
export function peerOf(frame: TypedFrame): EngineIndex | null {
  const { socket, identity, parts } = frame;
  if (socket.name === 'kv_events_replay') return null;
  if (identity !== null) return readOrNull(() => engineIndexFromIdentity(identity));
  if (socket.type !== 'PULL') return null;
  return readOrNull(() => {
    const reader = new MsgpackReader(parts, 0);
    return reader.arrayHeader('outputs') === 0 ? null : reader.int();
  });
}

function handshakeType(parts: readonly Frame[]): FrameType {
  const message = readOrNull(() => new MsgpackReader(parts, 0).any());
  if (typeof message !== 'object' || message === null) return 'UNKNOWN';
  const { status } = message as { readonly status?: unknown };
  if (status === 'HELLO' || status === 'READY') return status;
  return 'addresses' in message ? 'INIT' : 'UNKNOWN';
}

function requestType([type]: readonly Frame[]): FrameType {
  if (type?.length !== 1) return 'UNKNOWN';
  switch (type[0]) {
    case EngineCoreRequestType.ADD:
      return 'ADD';
    case EngineCoreRequestType.ABORT:
      return 'ABORT';
    case EngineCoreRequestType.START_DP_WAVE:
      return 'START_DP_WAVE';
    case EngineCoreRequestType.UTILITY:
      return 'UTILITY';
    default:
      return 'UNKNOWN';
  }
}

/** What begins with an engine's identity is the notice of a first request. */
function noticeType(parts: readonly Frame[]): FrameType {
  const isFirst = readOrNull(() => {
    const reader = new MsgpackReader(parts, 0);
    reader.arrayHeader('a notice');
    return reader.isBin();
  });
  return isFirst === true ? 'FIRST_REQ' : 'SCALE_ELASTIC_EP';
}

function subscriptionType([part, ...others]: readonly Frame[]): FrameType | null {
  if (part?.length !== 1 || others.length > 0) return null;
  if (part[0] === 1) return 'SUBSCRIBE';
  return part[0] === 0 ? 'UNSUBSCRIBE' : null;
}

function arrayOr([part]: readonly Frame[], type: FrameType): FrameType {
  const code = part?.[0] ?? 0;
  return (code >= 0x90 && code <= 0x9f) || code === 0xdc || code === 0xdd ? type : 'UNKNOWN';
}

function mapOr([part]: readonly Frame[], type: FrameType): FrameType {
  const code = part?.[0] ?? 0;
  return (code >= 0x80 && code <= 0x8f) || code === 0xde || code === 0xdf ? type : 'UNKNOWN';
}

function isText(parts: readonly Frame[], text: string): boolean {
  const [part] = parts;
  return (
    parts.length === 1 &&
    part !== undefined &&
    part.length === text.length &&
    Buffer.from(part).toString('latin1') === text
  );
}
