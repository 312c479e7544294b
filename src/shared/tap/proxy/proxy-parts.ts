/** What the parts of a proxy are handed, and how one socket's messages get to another. */
import type { Frame, MessageReader, MessageWriter, Transport } from '../../transport/transport.ts';
import type { Tap } from '../tap.ts';

/** Messages that may wait behind one that is not taken yet; the sender is held up from then on. */
export const MAX_RELAYED_MESSAGES = 1_000;
/** What is on its way when a side ends still gets there: as long as vLLM's engines give their last words. */
export const RELAY_LINGER_MS = 4_000;
/** A connect never fails: after this long it is said that nobody answers. */
export const NOBODY_ANSWERS_MS = 4_000;

export interface ProxyParts {
  /** Sockets that engines connect to: the tap shows what goes through them. */
  readonly engineSide: Transport;
  /** Sockets that connect to the frontend and its coordinator; nothing of them is shown but what is changed on the way. */
  readonly frontendSide: Transport;
  readonly tap: Tap;
  /** Where engines reach the proxy: a host as it stands in an address. */
  readonly host: string;
  readonly log: ProxyLog;
}

export interface ProxyLog {
  info(text: string): void;
  warn(text: string): void;
}

/** An address of the proxy's own with any free port. */
export function anyPortOf(host: string): string {
  return `tcp://${host}:0`;
}

/** Hands a message on as it is; where the way is blocked, the socket that it came from is held up. */
export function handOn(
  frames: readonly Frame[],
  from: MessageReader,
  to: Pick<MessageWriter, 'queuedCount' | 'drained'>,
  send: (frames: readonly Frame[]) => void,
): void {
  send(frames);
  if (to.queuedCount >= MAX_RELAYED_MESSAGES) from.hold(to.drained());
}

/** Says once that a peer does not answer, and then when it does. */
export class AnswerWatch {
  readonly #timer: NodeJS.Timeout;
  #isLate = false;
  readonly #onAnswer: () => void;

  constructor(log: ProxyLog, late: string, answered: string) {
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      log.warn(late);
    }, NOBODY_ANSWERS_MS);
    this.#onAnswer = () => {
      if (this.#isLate) log.info(answered);
    };
  }

  /** Idempotent. */
  answered(): void {
    clearTimeout(this.#timer);
    this.#onAnswer();
    this.#isLate = false;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
