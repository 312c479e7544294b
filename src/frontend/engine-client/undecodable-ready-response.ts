import { reasonOf, StartupError } from '../../shared/errors.ts';

/** As with vLLM, the first message that is no ready response ends the start-up. */
export class UndecodableReadyResponse extends StartupError {
  /** In words, of whatever identity. */
  readonly engine: string;
  /** Behind the identity. */
  readonly frames: readonly Uint8Array[];

  constructor(engine: string, frames: readonly Uint8Array[], cause: unknown) {
    const reason = reasonOf(cause);
    super('E_HANDSHAKE', `The ready response of engine ${engine} cannot be decoded: ${reason}`, {
      cause,
    });
    this.engine = engine;
    this.frames = frames;
  }
}
