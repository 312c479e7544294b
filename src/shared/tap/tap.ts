/**
 * What one process keeps of its frames: always the first ones, so that a start-up can be looked at afterwards; later ones
 * while somebody looks, in a bounded ring, or as a recorder takes them. A frame here is a whole message of a socket, of one
 * or more parts. Nothing is decoded when it is recorded. Pure but for the clock that it is handed.
 */
import type { Clock } from '../clock.ts';
import { SlidingList } from '../sliding-list.ts';
import type { Frame, SocketName } from '../transport/transport.ts';
import { bytesOfParts } from './frame-bytes.ts';
import { OwnCalls } from './own-calls.ts';

/** Of every process, whoever looks. */
export const NUM_FIRST_FRAMES = 256;
/** Bytes that the first frames may hold; a longer prompt ends them sooner. */
export const MAX_FIRST_BYTES = 16 * 1024 * 1024;
/** What is kept while somebody looks, where --tap gives no number. */
export const DEFAULT_RING_FRAMES = 4_096;
/** Bytes that the ring may hold, whatever its number of frames. */
export const MAX_RING_BYTES = 64 * 1024 * 1024;

export type SocketType = 'ROUTER' | 'DEALER' | 'PUSH' | 'PULL' | 'XPUB' | 'XSUB' | 'PUB';

export interface TappedSocket {
  readonly name: SocketName;
  readonly type: SocketType;
  /** Bound or connected to. */
  readonly address: string;
  /** Place among the process's sockets of this name, from 0: of an engine's `input` and `output`, which client's it is. */
  readonly index?: number;
}

export type FrameDirection = 'send' | 'receive';

export interface TappedFrame {
  /** Counts all frames of the process from 1, those that nobody kept included. */
  readonly seq: number;
  readonly monotonicMs: number;
  readonly socket: TappedSocket;
  readonly direction: FrameDirection;
  /** The other end's identity, where the socket is a ROUTER. */
  readonly identity: Frame | null;
  /** Without the identity. Shared with the transport: never to be written to. */
  readonly parts: readonly Frame[];
}

export type FrameListener = (frame: TappedFrame) => void;

export interface TapOptions {
  readonly clock: Clock;
  /** vLLM's name of the process: `EngineCore_DP0`, `APIServer`, `DPCoordinator`. */
  readonly process: string;
  /** `--tap N`: frames that are kept always; 0 keeps later ones only while somebody looks. */
  readonly ringFrames?: number;
}

export class Tap {
  readonly process: string;
  readonly #clock: Clock;
  readonly #keepsAlways: boolean;
  readonly #capacity: number;
  readonly #ownCalls = new OwnCalls();
  readonly #first: TappedFrame[] = [];
  #firstBytes = 0;
  #isFirstFull = false;
  readonly #ring = new SlidingList<TappedFrame>();
  #ringBytes = 0;
  #watchedUntilMs = Number.NEGATIVE_INFINITY;
  #isActive = true;
  #listener: FrameListener | null = null;
  #numSeen = 0;
  #numFallenOut = 0;

  constructor({ clock, process, ringFrames = 0 }: TapOptions) {
    this.#clock = clock;
    this.process = process;
    this.#keepsAlways = ringFrames > 0;
    this.#capacity = ringFrames > 0 ? ringFrames : DEFAULT_RING_FRAMES;
  }

  /** All frames that went by, but the tap's own. */
  get numSeen(): number {
    return this.#numSeen;
  }

  /** Frames that were in the ring and had to make room. */
  get numFallenOut(): number {
    return this.#numFallenOut;
  }

  /** Frames that nobody asked to keep. */
  get numUnkept(): number {
    return this.#numSeen - this.#numFallenOut - this.#first.length - this.#ring.length;
  }

  /** Somebody looks: later frames are kept until then, on the tap's clock. */
  watchUntil(monotonicMs: number): void {
    this.#watchedUntilMs = Math.max(this.#watchedUntilMs, monotonicMs);
    this.#isActive = true;
  }

  /** Hands over every frame, from the first one on; one listener at most, null ends it. */
  setListener(listener: FrameListener | null): void {
    this.#listener = listener;
    if (listener === null) return;
    this.#isActive = true;
    for (const frame of this.framesSince(0)) listener(frame);
  }

  /** What is kept of the frames with a higher `seq`, in order. */
  framesSince(seq: number): TappedFrame[] {
    const first = this.#first.slice(indexBehind(this.#first, seq));
    const ring = this.#ring.slice(indexBehind(this.#ring, seq));
    return first.length === 0 ? ring : [...first, ...ring];
  }

  /** When a message is about to be sent: it may have arrived before the call that sends it is back. */
  sendingMs(): number {
    return this.#isActive ? this.#clock.monotonicMs() : 0;
  }

  /** A message went by; `atMs` as `sendingMs` gave it, or now. Costs a few comparisons where nobody looks. */
  record(
    socket: TappedSocket,
    direction: FrameDirection,
    identity: Frame | null,
    parts: readonly Frame[],
    atMs?: number,
  ): void {
    // What a page asks of engines is no part of what it shows; the question by which it begins to look is not either.
    if (this.#ownCalls.isOwn(socket, parts)) return;
    this.#numSeen += 1;
    if (!this.#isActive) return;
    const monotonicMs = atMs ?? this.#clock.monotonicMs();
    const frame = { seq: this.#numSeen, monotonicMs, socket, direction, identity, parts };
    this.#listener?.(frame);
    this.#keep(frame);
  }

  #keep(frame: TappedFrame): void {
    const bytes = bytesOfParts(frame.parts);
    if (!this.#isFirstFull) {
      if (this.#firstBytes + bytes <= MAX_FIRST_BYTES) {
        this.#first.push(frame);
        this.#firstBytes += bytes;
        this.#isFirstFull = this.#first.length >= NUM_FIRST_FRAMES;
        return;
      }
      this.#isFirstFull = true;
    }
    if (this.#keepsAlways || frame.monotonicMs < this.#watchedUntilMs) {
      this.#ring.push(frame);
      this.#ringBytes += bytes;
      while (this.#ring.length > this.#capacity || this.#ringBytes > MAX_RING_BYTES)
        this.#letFall();
    } else if (this.#listener === null) this.#isActive = false;
  }

  #letFall(): void {
    const oldest = this.#ring.shift();
    if (oldest === undefined) return;
    this.#ringBytes -= bytesOfParts(oldest.parts);
    this.#numFallenOut += 1;
  }
}

/** Where the first frame with a higher `seq` stands: a ring may be long, and who asks asks often. */
function indexBehind(frames: Pick<SlidingList<TappedFrame>, 'length' | 'at'>, seq: number): number {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((frames.at(middle)?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
