/** What both sides of `vllm-twin conform` are told, checked. */
import type { CheckSpec } from '../../conform/check.ts';
import { closestName } from '../../shared/config/suggestion.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import { readVersionFlag } from '../flags/version-flag.ts';
import type { ConformSide } from './conform-side.ts';
import { badFlag, secondsFlag, valueFlag } from './flag-values.ts';

export interface ConformSettings {
  readonly json: boolean;
  readonly list: boolean;
  /** A file; null writes none. */
  readonly junit: string | null;
  /** A folder; null records nothing. */
  readonly record: string | null;
  /** Ids of checks; null runs all. */
  readonly only: readonly string[] | null;
  readonly version: WireVersion;
  readonly startMs: number;
}

const DEFAULT_TIMEOUT_S = 14;
const MAX_TIMEOUT_S = 3_600;

/** The side that is named. Throws E_BAD_FLAG. */
export function readSide(flags: OwnFlags, sides: readonly ConformSide[]): ConformSide {
  const [name, extra] = flags.positionals;
  const names = sides.map(({ side }) => side);
  if (name === undefined)
    throw badFlag(`conform: says whom to judge: ${names.join(' or ')}; see conform --help`);
  const side = sides.find((known) => known.side === name);
  if (side === undefined)
    throw badFlag(`conform '${name}': must be ${names.join(' or ')}; see conform --help`);
  if (extra !== undefined)
    throw badFlag(`conform ${name}: expects flags only, got '${extra}'; see conform --help`);
  for (const other of sides)
    for (const flag of other.flags)
      if (
        other !== side &&
        flags.flags.has(flag.name) &&
        !side.flags.some((own) => own.name === flag.name)
      )
        throw badFlag(`--${flag.name}: is a flag of conform ${other.side}, not of conform ${name}`);
  return side;
}

/** Throws E_BAD_FLAG. */
export function readConformSettings(flags: OwnFlags, { specs }: ConformSide): ConformSettings {
  const isSet = (name: string): boolean => valueFlag(flags, name) === 'true';
  return {
    json: isSet('json'),
    list: isSet('list'),
    junit: valueFlag(flags, 'junit'),
    record: valueFlag(flags, 'record'),
    only: readOnly(flags.flags.get('only') ?? [], specs),
    version: readVersionFlag(flags) ?? WIRE_VERSIONS[VLLM_VERSION],
    startMs: 1000 * secondsFlag(flags, 'timeout', DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S),
  };
}

/** `engine.hello` stands for all checks below it. */
function readOnly(words: readonly string[], specs: readonly CheckSpec[]): readonly string[] | null {
  if (words.length === 0) return null;
  const ids = specs.map(({ id }) => id);
  return words
    .flatMap((word) => word.split(','))
    .flatMap((word) => {
      const found = ids.filter((id) => id === word || id.startsWith(`${word}.`));
      if (found.length > 0) return found;
      const close = closestName(word, ids);
      const hint = close === null ? '' : ` (did you mean ${close}?)`;
      throw badFlag(`--only '${word}': no check has that id${hint}; --list shows all`);
    });
}
