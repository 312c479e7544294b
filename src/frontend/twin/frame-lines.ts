/**
 * Frames of the merged stream as lines. Decoding is what costs, so an answer holds so many bytes of frames at most, and a
 * message that one process sent and another received is decoded once.
 */
import type { Dissector } from '../../shared/tap/dissector.ts';
import type { FrameDetail, FrameLine } from '../../shared/tap/frame-line.ts';
import { bytesOf, type StreamFrame } from './merged-stream.ts';

/** Of the frames' parts in one answer, as base64; a single frame may be larger. Whoever wants more asks again. */
export const MAX_LINES_BYTES = 1024 * 1024;
/** Messages whose line is remembered; both ends of one stand close to each other. */
const MAX_REMEMBERED = 64;
/** Smaller ones are decoded again sooner than found. */
const MIN_REMEMBERED_BYTES = 256;

export class FrameLines {
  readonly #dissector: Dissector;
  /** By socket, type and bytes; the oldest first. */
  readonly #known = new Map<string, FrameLine>();

  constructor(dissector: Dissector) {
    this.#dissector = dissector;
  }

  /** The first of these frames that fit into an answer; at least one where there is any. */
  linesOf(kept: readonly StreamFrame[]): FrameLine[] {
    const lines: FrameLine[] = [];
    let bytes = 0;
    for (const entry of kept) {
      bytes += bytesOf(entry.frame);
      if (bytes > MAX_LINES_BYTES && lines.length > 0) break;
      lines.push(this.#lineOf(entry));
    }
    return lines;
  }

  detailOf(kept: StreamFrame): FrameDetail {
    return this.#dissector.detail(kept.frame, placeOf(kept));
  }

  #lineOf(kept: StreamFrame): FrameLine {
    const { frame, process, tMs, n } = kept;
    if (bytesOf(frame) < MIN_REMEMBERED_BYTES) return this.#dissector.line(frame, placeOf(kept));
    const key = [frame.socket, frame.type, ...frame.parts].join(' ');
    const known = this.#known.get(key);
    if (known !== undefined) {
      const { seq, direction, peer } = frame;
      return { ...known, n, seq, t_ms: tMs, process, direction, peer };
    }
    const line = this.#dissector.line(frame, placeOf(kept));
    this.#known.set(key, line);
    if (this.#known.size > MAX_REMEMBERED) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    return line;
  }
}

function placeOf({ process, tMs, n }: StreamFrame) {
  return { process, tMs, n };
}
