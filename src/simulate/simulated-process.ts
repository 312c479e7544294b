/**
 * What a process is in a simulation: a lifetime. Its waits and its sockets end with it, in the middle of whatever it did, as
 * with SIGKILL; what it had sent still arrives. Stopped, as with SIGSTOP, it hears and does nothing until it goes on.
 */
import type { Timer, Timers } from '../shared/timers.ts';
import type { Closable, MessageReader, Transport } from '../shared/transport/transport.ts';
import type { VirtualTime } from './virtual-time.ts';

export class SimulatedProcess implements Timers {
  /** Its sockets; they close with it. */
  readonly transport: Transport;
  readonly #time: VirtualTime;
  readonly #sockets: (Closable & Partial<MessageReader>)[] = [];
  /** What came due while it was stopped. */
  #missed: (() => void)[] = [];
  #goOn: (() => void) | null = null;
  #isOver = false;

  constructor(time: VirtualTime, transport: Transport) {
    this.#time = time;
    this.transport = this.#owning(transport);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  after(ms: number, handler: () => void): Timer {
    return this.#time.after(ms, () => this.#do(handler));
  }

  /** Never resolves once the process is over: what would come after it does not happen. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const goOn = (): void => this.#do(resolve);
      if (ms > 0) this.#time.after(ms, goOn);
      else this.#time.soon(goOn);
    });
  }

  /** Idempotent. */
  end(): void {
    this.#isOver = true;
    this.#missed = [];
    for (const socket of this.#sockets.splice(0)) void socket.close(0);
  }

  #do(what: () => void): void {
    if (this.#isOver) return;
    if (this.#goOn === null) what();
    else this.#missed.push(what);
  }

  /** As SIGSTOP: takes nothing in and does nothing, until it goes on. */
  stop(): void {
    if (this.#isOver || this.#goOn !== null) return;
    const goesOn = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    for (const socket of this.#sockets) socket.hold?.(goesOn);
  }

  goOn(): void {
    const goOn = this.#goOn;
    this.#goOn = null;
    goOn?.();
    for (const what of this.#missed.splice(0)) this.#time.soon(() => this.#do(what));
  }

  #owning(transport: Transport): Transport {
    const own = <T extends Closable>(socket: T): T => {
      if (this.#isOver) void socket.close(0);
      else this.#sockets.push(socket);
      return socket;
    };
    return {
      bindRouter: async (...words) => own(await transport.bindRouter(...words)),
      bindPull: async (...words) => own(await transport.bindPull(...words)),
      bindXPub: async (...words) => own(await transport.bindXPub(...words)),
      bindPub: async (...words) => own(await transport.bindPub(...words)),
      connectPub: (...words) => own(transport.connectPub(...words)),
      connectDealer: (...words) => own(transport.connectDealer(...words)),
      connectPush: (...words) => own(transport.connectPush(...words)),
      connectXSub: (...words) => own(transport.connectXSub(...words)),
    };
  }
}
