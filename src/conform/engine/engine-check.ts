/** What the checks of an engine share. */
import type { Clock } from '../../shared/clock.ts';
import type { StructCodecs } from '../../shared/protocol/struct-codec.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import type { TappedFrame } from '../../shared/tap/tap.ts';
import type { Timers } from '../../shared/timers.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import type { Check, Outcome } from '../run-checks.ts';
import type { CheckingFrontend } from './checking-frontend.ts';
import type { Requests } from './requests.ts';

export interface EngineRun {
  readonly version: WireVersion;
  readonly codec: WireCodec;
  readonly structs: StructCodecs;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly frontend: CheckingFrontend;
  readonly requests: Requests;
  /** `--data-parallel-size`. */
  readonly size: number;
  /** `--moe`: ranks of one mixture-of-experts model. */
  readonly isMoe: boolean;
  /** Milliseconds that an answer may take. */
  readonly answerMs: number;
  /** Milliseconds without a message after which none is expected. */
  readonly quietMs: number;
  readonly fate: Fate;
  /** Every frame of an output socket so far, as the tap saw it; bounded. */
  readonly frames: readonly TappedFrame[];
}

export type EngineCheck = Check<EngineRun>;

/** What has become of the engines on the way; the run's own. */
export interface Fate {
  /** The check before, where it has failed, or is not over. */
  doubtful: string | null;
  /** The check since which an engine serves nothing. */
  goneSince: string | null;
  /** Fields of which a check of their own has told that they cannot be read. */
  readonly told: Set<'scheduler_stats' | 'new_logprobs'>;
}

export function engineCheck(
  id: string,
  does: string,
  source: string,
  run: (context: EngineRun) => Outcome | Promise<Outcome>,
): EngineCheck {
  return { spec: { id: `engine.${id}`, does, source }, run };
}
