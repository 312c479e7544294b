import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { ProcessFrames } from '../../shared/tap/process-frames.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';
import type { FaultRecord } from '../faults/fault-desk.ts';
import type { EngineLoad } from '../metrics/engine-load.ts';

/** What ended with an engine. */
export interface EngineDeath {
  readonly reason: string;
  /** Requests that the death ended; all have got their error. */
  readonly numRequests: number;
}

/** The API side of a frontend: one server in this process, or several processes on one port. */
export interface Serving {
  /** Where the engines connect, one entry per API server in order of client index. */
  readonly clientAddresses: Promise<readonly ClientAddresses[]>;
  /** What each engine has said of itself, in order of rank; empty until the server listens. */
  readonly engines: ReadyEngines;
  /**
   * Waits for the engines, then listens; resolves with the URL. A server in this process asks nothing of an engine before
   * `handshake`, in which engines say READY; servers of their own processes know of their sockets alone, as vLLM's do.
   */
  start(statsAddress: Promise<string | null>, handshake: Promise<unknown>): Promise<string>;
  /** The engines that have not reported, in words; empty where all have. */
  describeMissing(): string;
  markEngineDead(rank: EngineIndex, reason: string): void;
  /** What an engine has said of itself so far; null before that. */
  readyResponse(rank: EngineIndex): EngineCoreReadyResponse | null;
  /** Calls a utility of one engine, through one of the API servers. Rejects with the engine's words, or for want of an answer. */
  callEngine(rank: EngineIndex, method: string, args: readonly unknown[]): Promise<unknown>;
  /** What an engine's last scheduler statistics said, whichever API server heard them; null before that. */
  loadOf(rank: EngineIndex): Promise<EngineLoad | null>;
  /** The taps of the API servers that are processes of their own. */
  readonly frameSources: readonly ((
    sinceSeq: (process: string) => number,
  ) => Promise<ProcessFrames | null>)[];
  /** Tells every API server of the faults that are active, and of momentary ones as they happen. */
  showFaults(records: readonly FaultRecord[]): void;
  /** Of the API servers that are processes of their own, in order of client index. */
  readonly pids: readonly number[];
  /** Lets what is being written end. Idempotent. */
  close(): Promise<void>;
  /** Ends other processes at once. */
  kill(): void;
}
