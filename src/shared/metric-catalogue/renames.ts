/** Names that vLLM's /metrics once had, and when each name came. Made by producers/metric_catalogue.py. */
import { type RenameSpan, readRenamesFile } from './renames-file.ts';

export interface Rename {
  /** A family's name, of a counter without `_total`. */
  readonly old: string;
  /** Names of families; empty: nothing tells it any more. Several: none of them says the same. */
  readonly new: readonly string[];
  readonly note: string;
  readonly firstVersionSeen: string;
  /** Later ones have it with --show-hidden-metrics-for-version; null: none shows it otherwise. */
  readonly lastVersionByDefault: string | null;
  readonly lastVersionWithOld: string;
  /** The first version that was read without it. */
  readonly goneIn: string;
  /** By engine: V1 is the default since 0.8.0, and the only one since 0.11.1. */
  readonly timeline: Readonly<Partial<Record<'V0' | 'V1', readonly RenameSpan[]>>>;
  /** Where the last version that has it says so. */
  readonly source: string;
}

const FILE = readRenamesFile();

/** The versions whose source was read for the names, from the oldest; a change may lie in a release between two. */
export const SCANNED_VERSIONS: readonly string[] = FILE.versions_scanned;

/** By name as the source writes it, a counter's with or without `_total`. */
export const FIRST_VERSION_OF_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(FILE.first_version_of_name),
);

export const RENAMES: readonly Rename[] = FILE.renames.map((rename) => ({
  old: rename.old,
  new: rename.new,
  note: rename.note,
  firstVersionSeen: rename.first_version_seen,
  lastVersionByDefault: rename.last_version_by_default,
  lastVersionWithOld: rename.last_version_with_old,
  goneIn: rename.gone_in,
  timeline: rename.timeline,
  source: rename.source,
}));
