/**
 * Puts the two records of one message together: its sender's and its receiver's. What only one side recorded stands alone,
 * with the other end named by what the socket tells. A message to several is one arrow for each that got it. Pure, and fit
 * for a browser; lines come in the order of time, and the memory is bounded.
 */
import type { FrameLine } from './frame-line.ts';

/** One message from one process to another. */
export interface FramePair {
  /** In order of the first record. */
  readonly id: number;
  /** What is shown of it: the sender's record, or the receiver's where there is no other. */
  readonly line: FrameLine;
  sent: FrameLine | null;
  received: FrameLine | null;
  from: string;
  to: string;
  /** The engine whose conversation it is part of; null where it is none's in particular. */
  engine: number | null;
}

/** `vllm-twin tap`, which is the frontend and the coordinator for the engines behind it. */
export const TAP_PROCESS = 'tap';

/** Messages whose other record may still come. */
export const MAX_OPEN_PAIRS = 10_000;

interface Broadcast {
  readonly pair: FramePair;
  readonly takenBy: Set<string>;
}

export class FramePairing {
  /** By what both records have in common, oldest first. */
  readonly #open = new Map<string, FramePair[]>();
  readonly #broadcasts = new Map<string, Broadcast[]>();
  #numOpen = 0;
  #nextId = 1;

  /** The pair that the line begins, or the one that it completes. */
  add(line: FrameLine): { readonly pair: FramePair; readonly isNew: boolean } {
    const engine = engineOf(line);
    if (isBroadcast(line)) return this.#addBroadcast(line);
    const broadcast = line.direction === 'receive' ? this.#broadcastFor(line) : null;
    if (broadcast !== null) return broadcast;
    const other = line.direction === 'send' ? 'receive' : 'send';
    const found = this.#take(keyOf(line, engine, other));
    if (found !== undefined) {
      complete(found, line);
      return { pair: found, isNew: false };
    }
    const pair = this.#pairOf(line, engine);
    this.#keepOpen(keyOf(line, engine, line.direction), pair);
    return { pair, isNew: true };
  }

  #addBroadcast(line: FrameLine) {
    const pair = this.#pairOf(line, null);
    const key = broadcastKey(line);
    const kept = this.#broadcasts.get(key) ?? [];
    kept.push({ pair, takenBy: new Set() });
    if (kept.length > MAX_OPEN_PAIRS / 10) kept.shift();
    this.#broadcasts.set(key, kept);
    return { pair, isNew: true };
  }

  /** The first receiver completes the arrow, each further one gets its own. */
  #broadcastFor(line: FrameLine) {
    const broadcast = this.#broadcasts
      .get(broadcastKey(line))
      ?.find(({ takenBy }) => !takenBy.has(line.process));
    if (broadcast === undefined) return null;
    const isFirst = broadcast.takenBy.size === 0;
    broadcast.takenBy.add(line.process);
    if (isFirst) {
      complete(broadcast.pair, line);
      return { pair: broadcast.pair, isNew: false };
    }
    const pair: FramePair = { ...broadcast.pair, id: this.#nextId++, line, engine: null };
    complete(pair, line);
    return { pair, isNew: true };
  }

  #pairOf(line: FrameLine, engine: number | null): FramePair {
    const isSent = line.direction === 'send';
    const other = otherEndOf(line);
    return {
      id: this.#nextId++,
      line,
      sent: isSent ? line : null,
      received: isSent ? null : line,
      from: isSent ? line.process : other,
      to: isSent ? other : line.process,
      engine,
    };
  }

  #take(key: string): FramePair | undefined {
    const waiting = this.#open.get(key);
    const pair = waiting?.shift();
    if (pair === undefined) return undefined;
    this.#numOpen -= 1;
    if (waiting?.length === 0) this.#open.delete(key);
    return pair;
  }

  #keepOpen(key: string, pair: FramePair): void {
    const waiting = this.#open.get(key) ?? [];
    waiting.push(pair);
    this.#open.set(key, waiting);
    this.#numOpen += 1;
    if (this.#numOpen <= MAX_OPEN_PAIRS) return;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#take(oldest);
  }
}

function complete(pair: FramePair, line: FrameLine): void {
  pair.engine ??= engineOf(line);
  if (line.direction === 'send') {
    pair.sent = line;
    pair.from = line.process;
  } else {
    pair.received = line;
    pair.to = line.process;
  }
}

/** The engine that a process is; null for any other process. */
export function rankOfProcess(process: string): number | null {
  const match = /^EngineCore(?:_DP(\d+))?$/.exec(process);
  return match === null ? null : Number(match[1] ?? 0);
}

export function engineOf({ process, peer }: Pick<FrameLine, 'process' | 'peer'>): number | null {
  return rankOfProcess(process) ?? peer;
}

function keyOf(line: FrameLine, engine: number | null, direction: FrameLine['direction']): string {
  const { socket, type, bytes } = line;
  // Both ends are engines: the one that is not the group's first tells the conversations apart.
  if (socket === 'dp_group')
    return `${direction} ${socket} ${line.peer ?? rankOfProcess(line.process)} ${bytes}`;
  // A publisher is not told who subscribes.
  const isTold = type !== 'SUBSCRIBE' && type !== 'UNSUBSCRIBE';
  return `${direction} ${socket} ${type} ${isTold ? (engine ?? '') : ''} ${bytes}`;
}

/** What the coordinator publishes, and KV events. */
function isBroadcast({ direction, socket, process }: FrameLine): boolean {
  if (direction !== 'send') return false;
  if (socket === 'kv_events') return true;
  const isPublished = socket === 'coordinator_input' || socket === 'frontend_stats_publish';
  return isPublished && process === 'DPCoordinator';
}

function broadcastKey({ socket, type, bytes }: FrameLine): string {
  return `${socket} ${type} ${bytes}`;
}

/** The other end where it has no record of its own. */
function otherEndOf(line: FrameLine): string {
  const { socket, process, peer } = line;
  const isEngine = rankOfProcess(process) !== null;
  switch (socket) {
    case 'handshake':
    case 'input':
    case 'output':
      // What the tap changes it has twice: the record of its other side is without an engine.
      if (isEngine || (process === TAP_PROCESS && peer === null)) return 'APIServer';
      return peer === null ? 'an engine' : `EngineCore_DP${peer}`;
    case 'coordinator_input':
    case 'coordinator_output':
      if (isEngine) return 'DPCoordinator';
      return peer === null ? 'the engines' : `EngineCore_DP${peer}`;
    case 'frontend_stats_publish':
      return process === 'DPCoordinator' || process === TAP_PROCESS
        ? 'the frontends'
        : 'DPCoordinator';
    case 'dp_group':
      return 'another rank';
    default:
      return 'a subscriber';
  }
}
