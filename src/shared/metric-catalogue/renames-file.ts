/** renames.json as it is written. Read when it is asked for: a server without such a fault needs none of it. */
import { readFileSync } from 'node:fs';
import { ownFile } from '../own-files.ts';

/** Both versions included; hidden: shown with --show-hidden-metrics-for-version alone. */
export interface RenameSpan {
  readonly state: 'visible' | 'deprecated' | 'hidden';
  readonly from: string;
  readonly to: string;
  readonly source: string;
}

export interface RenamesFile {
  readonly versions_scanned: readonly string[];
  readonly renames: readonly {
    readonly old: string;
    readonly new: readonly string[];
    readonly note: string;
    readonly first_version_seen: string;
    readonly last_version_by_default: string | null;
    readonly last_version_with_old: string;
    readonly gone_in: string;
    readonly timeline: Readonly<Partial<Record<'V0' | 'V1', readonly RenameSpan[]>>>;
    readonly source: string;
  }[];
  readonly first_version_of_name: Readonly<Record<string, string>>;
}

export function readRenamesFile(): RenamesFile {
  const path = ownFile('shared/metric-catalogue/renames.json');
  return JSON.parse(readFileSync(path, 'utf8')) as RenamesFile;
}
