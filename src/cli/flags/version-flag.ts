/** `--vllm-version` of the commands that read or speak the wire. */
import { ConfigError } from '../../shared/errors.ts';
import { knownVersion } from '../../shared/protocol/versions/known-version.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import type { CommandFlag } from '../command.ts';
import type { OwnFlags } from './own-flags.ts';

const VERSIONS = Object.keys(WIRE_VERSIONS);

export const VERSION_FLAG: CommandFlag = {
  name: 'vllm-version',
  takes: 'value',
  doc: `Take the frames as this version's; default: as each engine says in EngineCoreReadyResponse, else ${VLLM_VERSION}`,
  values: VERSIONS,
};

/** null where the flag is not given. Throws E_BAD_FLAG for a version whose wire is not known. */
export function readVersionFlag({ flags }: OwnFlags): WireVersion | null {
  const word = flags.get(VERSION_FLAG.name)?.at(-1);
  if (word === undefined) return null;
  const version = knownVersion(word);
  if (version !== null) return version;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--vllm-version '${word}': must be one of ${VERSIONS.join(', ')}, whose wire is known`,
  );
}
