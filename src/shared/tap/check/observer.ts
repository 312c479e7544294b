/** What one process saw: its engines, and whether all of its frames are there. */
import { type ConfigHashes, HandshakeCheck, type HandshakeState } from './handshake-check.ts';
import type { ProblemLog } from './problem-log.ts';
import { RequestCheck } from './request-check.ts';

/** Frontends that one engine greets: the one of rank 0 and its own, where a load balancer is outside. */
const MAX_HANDSHAKES = 16;

/** One engine as one process sees it. */
export class SeenEngine {
  readonly #log: ProblemLog;
  readonly #hashes: ConfigHashes;
  readonly #handshakes = new Map<string, HandshakeCheck>();
  readonly requests: RequestCheck;
  /** Input sockets, by address, on which its ready response came. */
  readonly readySockets = new Set<string>();

  constructor(log: ProblemLog, hashes: ConfigHashes) {
    this.#log = log;
    this.#hashes = hashes;
    this.requests = new RequestCheck(log);
  }

  /** With the frontend whose handshake socket has that address. */
  handshake(address: string): HandshakeCheck {
    const known = this.#handshakes.get(address);
    if (known !== undefined) return known;
    const made = new HandshakeCheck(this.#log, this.#hashes);
    if (this.#handshakes.size < MAX_HANDSHAKES) this.#handshakes.set(address, made);
    return made;
  }

  /** Its start was seen from the first word on. */
  get saidHello(): boolean {
    return this.#all.length > 0 && this.#all.every(({ saidHello }) => saidHello);
  }

  /** How far it got with the frontend with which it is least far. */
  get state(): HandshakeState {
    if (this.#all.some(({ state }) => state === 'NEW')) return 'NEW';
    return this.#all.every(({ state }) => state === 'READY') ? 'READY' : 'CONNECTED';
  }

  /** Places in the outputs of the last INIT; null where none was seen. */
  get numClients(): number | null {
    return this.#all.at(-1)?.numClients ?? null;
  }

  get #all(): readonly HandshakeCheck[] {
    return [...this.#handshakes.values()];
  }
}

/** Engines that one process is seen to talk to. */
const MAX_ENGINES = 4_096;

export class Observer {
  /** vLLM's name of the process. */
  readonly process: string;
  readonly #log: ProblemLog;
  readonly #hashes: ConfigHashes;
  readonly engines = new Map<number, SeenEngine>();
  /** Last sequence number by address of a KV event publisher. */
  readonly lastEventSeq = new Map<string, number>();
  lastWave: number | null = null;
  #lastSeq = 0;
  #isWhole = true;

  constructor(process: string, log: ProblemLog, hashes: ConfigHashes) {
    this.process = process;
    this.#log = log;
    this.#hashes = hashes;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** No frame of it is missing so far. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** How many frames are missing before this one. */
  advance(seq: number): number {
    const numMissing = seq - this.#lastSeq - 1;
    if (numMissing > 0) this.#isWhole = false;
    this.#lastSeq = seq;
    return numMissing;
  }

  engine(rank: number): SeenEngine {
    const known = this.engines.get(rank);
    if (known !== undefined) return known;
    const made = new SeenEngine(this.#log, this.#hashes);
    if (this.engines.size < MAX_ENGINES) this.engines.set(rank, made);
    return made;
  }
}
