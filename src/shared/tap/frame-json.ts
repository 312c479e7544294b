/** Frames as lines of a recording, written by hand: what a socket's frames share is made into text once. */

import { base64Of, hexOf } from './frame-bytes.ts';
import { frameTypeOf, peerOf } from './frame-type.ts';
import type { FrameDirection, TappedFrame, TappedSocket } from './tap.ts';

export class FrameLineWriter {
  readonly #ofSocket = new WeakMap<TappedSocket, Readonly<Record<FrameDirection, string>>>();

  /** The line of a frame in ASCII, with its end. JSON.parse makes of it what `toRawFrame` does. */
  lineOf(frame: TappedFrame): string {
    const { seq, monotonicMs, socket, direction, identity, parts } = frame;
    const ofSocket = this.#textOf(socket)[direction];
    const owner = identity === null ? 'null' : `"${hexOf(identity)}"`;
    let texts = '';
    // Neither base64 nor hex holds anything that JSON escapes.
    for (const part of parts)
      texts += texts === '' ? `"${base64Of(part)}"` : `,"${base64Of(part)}"`;
    return (
      `{"seq":${seq},"monotonic_ms":${monotonicMs},${ofSocket},"peer":${peerOf(frame)},` +
      `"type":"${frameTypeOf(frame)}","identity":${owner},"parts":[${texts}]}\n`
    );
  }

  #textOf(socket: TappedSocket): Readonly<Record<FrameDirection, string>> {
    const known = this.#ofSocket.get(socket);
    if (known !== undefined) return known;
    const { name, type, address } = socket;
    const shared = toAscii(JSON.stringify({ socket: name, socket_type: type, address })).slice(
      1,
      -1,
    );
    const made = {
      send: `${shared},"direction":"send"`,
      receive: `${shared},"direction":"receive"`,
    };
    this.#ofSocket.set(socket, made);
    return made;
  }
}

/** JSON with what is beyond ASCII escaped. */
function toAscii(json: string): string {
  return json.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
