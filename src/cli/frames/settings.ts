/** What `frames` is asked for, read from its flags. */
import { closestName } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { FRAME_TYPES, type FrameType } from '../../shared/tap/frame-type.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import { readVersionFlag } from '../flags/version-flag.ts';

export interface FramesSettings {
  readonly paths: readonly string[];
  readonly filter: FilterSettings;
  readonly output: 'diagram' | 'full' | 'json' | 'check';
  readonly json: boolean;
  /** The page is written there. */
  readonly html: string | null;
  /** Whose frames they are; null: as the engines say. */
  readonly version: WireVersion | null;
}

export interface FilterSettings {
  /** Empty: all. */
  readonly types: ReadonlySet<FrameType>;
  readonly engines: ReadonlySet<number>;
  readonly processes: ReadonlySet<string>;
  readonly requestId: string | null;
  readonly since: Moment | null;
  readonly until: Moment | null;
}

/** Milliseconds from the start of the recording, or of the wall clock. */
export type Moment = { readonly tMs: number } | { readonly wallMs: number };

/** Throws E_BAD_FLAG for a value that none of them takes. */
export function readFramesSettings(own: OwnFlags): FramesSettings {
  const { positionals, flags } = own;
  if (positionals.length === 0)
    throw bad('expects PATH…: files or folders that serve --record wrote; see frames --help');
  const isOn = (name: string): boolean => flags.get(name)?.at(-1) === 'true';
  const html = flags.get('html')?.at(-1) ?? null;
  if (html === '') throw bad("--html '': must name a file");
  const asked = [
    ...['full', 'check'].filter(isOn).map((name) => `--${name}`),
    ...(html === null ? [] : ['--html']),
  ];
  if (asked.length > 1) throw bad(`${asked.join(' and ')} do not go together; choose one`);
  const json = isOn('json');
  if (json && (isOn('full') || html !== null))
    throw bad(`--json and ${asked.join('')} do not go together; choose one`);
  const filter = readFilter(flags);
  if (isOn('check')) checkWhole(filter);
  const version = readVersionFlag(own);
  return { paths: positionals, filter, output: outputOf(json, isOn), json, html, version };
}

function outputOf(json: boolean, isOn: (name: string) => boolean): FramesSettings['output'] {
  if (isOn('check')) return 'check';
  if (isOn('full')) return 'full';
  return json ? 'json' : 'diagram';
}

function readFilter(flags: OwnFlags['flags']): FilterSettings {
  const since = momentOf('since', flags.get('since')?.at(-1));
  const until = momentOf('until', flags.get('until')?.at(-1));
  checkOrder(since, until);
  return {
    types: new Set(listed(flags.get('type')).map(typeOf)),
    engines: new Set(listed(flags.get('engine')).map(rankOf)),
    processes: new Set(listed(flags.get('process'))),
    requestId: flags.get('request')?.at(-1) ?? null,
    since,
    until,
  };
}

/** Moments of different kinds are compared only where the start of the recording is known. */
function checkOrder(since: Moment | null, until: Moment | null): void {
  if (since === null || until === null) return;
  const isLater =
    'tMs' in since
      ? 'tMs' in until && since.tMs > until.tMs
      : 'wallMs' in until && since.wallMs > until.wallMs;
  if (isLater) throw bad('--since is after --until, so that no frame is between them; swap them');
}

/** A check of a part would blame it for what is left out. */
function checkWhole({ types, engines, processes, requestId, since, until }: FilterSettings): void {
  const isPart = types.size + engines.size + processes.size > 0 || requestId !== null;
  if (isPart || since !== null || until !== null)
    throw bad('--check judges whole recordings: leave --type, --engine and the other filters out');
}

function listed(words: readonly string[] = []): readonly string[] {
  return words
    .flatMap((word) => word.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function typeOf(word: string): FrameType {
  const names = Object.keys(FRAME_TYPES) as FrameType[];
  const found = names.find((name) => name.toLowerCase() === word.toLowerCase());
  if (found !== undefined) return found;
  const closest = closestName(
    word,
    names.map((name) => name.replaceAll('_', '-').toLowerCase()),
  );
  const meant = names.find((name) => name.replaceAll('_', '-').toLowerCase() === closest);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw bad(`--type '${word}': no such type${hint}; one of ${names.join(', ')}`);
}

function rankOf(word: string): number {
  if (/^\d{1,6}$/.test(word)) return Number(word);
  throw bad(`--engine '${word}': must be a rank, a whole number of at least 0`);
}

function momentOf(name: string, word: string | undefined): Moment | null {
  if (word === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(word)) return { tMs: Number(word) };
  const wallMs = /^\d{4}-\d\d-\d\d/.test(word) ? Date.parse(word) : Number.NaN;
  if (!Number.isNaN(wallMs)) return { wallMs };
  throw bad(
    `--${name} '${word}': must be milliseconds from the start, such as 250, or a time such as 2026-01-31T12:00:00Z`,
  );
}

function bad(text: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', text.startsWith('--') ? text : `frames: ${text}`);
}
