/** What a run of checks of a frontend is asked for. */
import type { Clock } from '../../shared/clock.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import type { TappedFrame } from '../../shared/tap/tap.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import type { CheckResult } from '../check.ts';
import type { Fetch } from './http-side.ts';

/** What a run may end with. Frontends that one of them ends see no other in that run. */
export const ENDINGS = [
  'empty',
  'more-fields',
  'unknown-engine',
  'unknown-call',
  'garbage',
  'gone',
  'dead',
] as const;
export type Ending = (typeof ENDINGS)[number];

/** What a start may be spoilt by, which a frontend of vLLM refuses to go on from: then nothing else is looked at. */
export const SPOILS = ['hello-twice', 'unknown-rank', 'garbage', 'wrong-place'] as const;
export type Spoil = (typeof SPOILS)[number];

export interface FrontendCheckOptions {
  /** `tcp://HOST:PORT`, where the frontend awaits its engines' HELLO. */
  readonly handshakeAddress: string;
  readonly dataParallelSize: number;
  /** The ranks in the order in which they report; default: the last one first. */
  readonly order?: readonly number[];
  /** Where its API answers; null: what needs it is not looked at. */
  readonly httpUrl?: string | null;
  /** Its /metrics; null: what needs it is not looked at. */
  readonly metricsUrl?: string | null;
  /** The model's name in requests; null: the first that /v1/models names. */
  readonly model?: string | null;
  /** Whose wire is spoken. */
  readonly version: WireVersion;
  readonly clock: Clock;
  /** How long INIT may take, in milliseconds: a frontend may be started after us. */
  readonly waitMs?: number;
  /** How long the frontend may take from INIT until it answers completions, in milliseconds. */
  readonly startMs?: number;
  /** How long one thing may take, in milliseconds; a completion twice as long. */
  readonly answerMs?: number;
  /** From INIT to the end of all checks, in milliseconds. */
  readonly runMs?: number;
  /** Ids to be run; null runs all. */
  readonly only?: readonly string[] | null;
  /** Ends every wait: what is left fails. */
  readonly signal?: AbortSignal;
  /** The one that is looked at; null: each, until the frontend has ended. */
  readonly ending?: Ending | null;
  readonly spoil?: Spoil | null;
  readonly transport: Transport;
  /** Default: the runtime's. */
  readonly fetch?: Fetch;
  readonly onFrame?: (frame: TappedFrame) => void;
  readonly onResult?: (result: CheckResult) => void;
}
