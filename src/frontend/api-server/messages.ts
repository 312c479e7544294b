/**
 * What the frontend's primary process and its API server processes say to each other, over the IPC channels of
 * node:cluster. `requestId` ties a scrape's answers to its question.
 */
import type { EngineArgs } from '../../shared/config/registry.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';
import type { FaultRecord } from '../faults/fault-desk.ts';
import type { FamilySnapshot } from '../metrics/families.ts';
import type { TwinAnswer, TwinQuestion } from '../twin/twin-question.ts';

/** On an API server's command line, as JSON: everybody on the machine can read it, so its `args` hold no key. */
export interface ApiServerConfig {
  readonly args: EngineArgs;
  readonly clientIndex: number;
  readonly addresses: ClientAddresses;
  readonly privateDirectory: string;
  /** The order in which engines report is a scenario's, not chance. */
  readonly ordersReports: boolean;
}

export type ToApiServer =
  /** What no command line may say: the answer to `started`. */
  | { readonly type: 'secrets'; readonly apiKey: EngineArgs['apiKey'] }
  /** Where the coordinator publishes; null where the engines know better or there is none. */
  | { readonly type: 'coordinator'; readonly statsAddress: string | null }
  | { readonly type: 'engine-dead'; readonly rank: EngineIndex; readonly reason: string }
  | { readonly type: 'stop' }
  /** The faults that are active, and momentary ones as they happen. */
  | { readonly type: 'faults'; readonly records: readonly FaultRecord[] }
  /** Asks for frames, or for an engine's answer to a call. */
  | { readonly type: 'twin-inquiry'; readonly id: number; readonly inquiry: TwinInquiry }
  /** The answer to a `twin-question`. */
  | { readonly type: 'twin-answer'; readonly id: number; readonly answer: TwinAnswer }
  /** Asks for this server's numbers. */
  | { readonly type: 'snapshot-request'; readonly requestId: number }
  /** All servers' numbers, for the one that asked. */
  | {
      readonly type: 'snapshots';
      readonly requestId: number;
      readonly snapshots: readonly (readonly FamilySnapshot[])[];
    };

/** What the primary wants of an API server for the twin's page. */
export type TwinInquiry =
  | { readonly want: 'frames'; readonly sinceSeq: number }
  /** An EngineLoad, or null. */
  | { readonly want: 'load'; readonly rank: EngineIndex }
  | {
      readonly want: 'call';
      readonly rank: EngineIndex;
      readonly method: string;
      readonly args: readonly unknown[];
    };

/** A value, or why there is none. */
export type TwinReport =
  | { readonly isOk: true; readonly value: unknown }
  | { readonly isOk: false; readonly code: ErrorCode; readonly message: string };

export type FromApiServer =
  /** It listens: what it was sent before is lost. */
  | { readonly type: 'started' }
  | { readonly type: 'bound'; readonly addresses: ClientAddresses }
  | { readonly type: 'listening'; readonly address: string; readonly engines: ReadyEngines }
  /** The running requests have got their error. */
  | { readonly type: 'engine-dead'; readonly reason: string; readonly numRequests: number }
  /** A start-up that failed, in the words for the operator. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** Somebody asked this server for what the primary knows. */
  | { readonly type: 'twin-question'; readonly id: number; readonly question: TwinQuestion }
  /** The answer to a `twin-inquiry`. */
  | { readonly type: 'twin-report'; readonly id: number; readonly report: TwinReport }
  | { readonly type: 'snapshots-request'; readonly requestId: number }
  | {
      readonly type: 'snapshot';
      readonly requestId: number;
      readonly snapshot: readonly FamilySnapshot[];
    };
