import type { WireVersion } from '../wire-version.ts';
import { WIRE_VERSIONS } from './wire-versions.ts';

/** `0.31.0+cpu` is 0.31.0: what stands behind the plus is how it was built. */
export function releaseOf(vllmVersion: string): string {
  return vllmVersion.split('+', 1)[0] ?? vllmVersion;
}

/** The wire of a version by what an engine calls itself; null where it is not known. */
export function knownVersion(vllmVersion: string): WireVersion | null {
  const release = releaseOf(vllmVersion);
  const versions: Readonly<Record<string, WireVersion>> = WIRE_VERSIONS;
  return Object.hasOwn(versions, release) ? (versions[release] ?? null) : null;
}
