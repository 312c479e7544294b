import type { CheckResult, CheckSpec } from '../../conform/check.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import type { TappedFrame } from '../../shared/tap/tap.ts';
import type { CommandFlag } from '../command.ts';
import type { OwnFlags } from '../flags/own-flags.ts';

/** What `conform engine` and `conform frontend` are to the command: whom they judge, and how they are told to. */
export interface ConformSide {
  readonly side: 'engine' | 'frontend';
  /** vLLM's name of the process that we stand for. */
  readonly process: string;
  readonly specs: readonly CheckSpec[];
  /** Those that only this side takes. */
  readonly flags: readonly CommandFlag[];
  /** Reads its flags: throws E_BAD_FLAG. What it returns runs the checks, whatever the peer does. */
  prepare(flags: OwnFlags): (run: SideRun) => Promise<readonly CheckResult[]>;
}

export interface SideRun {
  readonly version: WireVersion;
  /** Ids to be run; null runs all. */
  readonly only: readonly string[] | null;
  /** `--timeout`: how long a start may take, in milliseconds. */
  readonly startMs: number;
  /** Aborted by a signal: the run ends with what it has. */
  readonly signal: AbortSignal;
  /** A line for people, on stderr. */
  readonly say: (text: string) => void;
  readonly onFrame: (frame: TappedFrame) => void;
  readonly onResult: (result: CheckResult) => void;
}
