/** A frame as one process hands it to another and as a recording has it: plain JSON, not decoded. */
import type { EngineIndex } from '../protocol/ids.ts';
import type { SocketName } from '../transport/transport.ts';
import { base64Of, hexOf } from './frame-bytes.ts';
import { type FrameType, frameTypeOf, peerOf } from './frame-type.ts';
import type { FrameDirection, SocketType, TappedFrame } from './tap.ts';

export interface RawFrame {
  /** Counts all frames of its process from 1. */
  readonly seq: number;
  /** On the clock of its process. */
  readonly monotonic_ms: number;
  readonly socket: SocketName;
  readonly socket_type: SocketType;
  readonly address: string;
  readonly direction: FrameDirection;
  /** Rank of the engine at the other end; null where that is no engine, or none in particular. */
  readonly peer: EngineIndex | null;
  readonly type: FrameType;
  /** In hex; null where the socket is no ROUTER. */
  readonly identity: string | null;
  /** Base64 of each part. */
  readonly parts: readonly string[];
}

export function toRawFrame(frame: TappedFrame): RawFrame {
  const { seq, monotonicMs, socket, direction, identity, parts } = frame;
  return {
    seq,
    monotonic_ms: monotonicMs,
    socket: socket.name,
    socket_type: socket.type,
    address: socket.address,
    direction,
    peer: peerOf(frame),
    type: frameTypeOf(frame),
    identity: identity === null ? null : hexOf(identity),
    parts: parts.map(base64Of),
  };
}
