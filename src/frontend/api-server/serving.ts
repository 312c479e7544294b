import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';

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
  /** Waits for the engines, then listens; resolves with the URL. */
  start(statsAddress: Promise<string | null>): Promise<string>;
  /** The engines that have not reported, in words; empty where all have. */
  describeMissing(): string;
  markEngineDead(rank: EngineIndex, reason: string): void;
  /** Lets what is being written end. Idempotent. */
  close(): Promise<void>;
  /** Ends other processes at once. */
  kill(): void;
}
