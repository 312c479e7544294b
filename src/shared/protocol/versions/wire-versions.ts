/** The versions whose wire is known: another is a file of its own and a row here. */
import type { WireVersion } from '../wire-version.ts';
import { V0_33_0 } from './v0-33-0/version.ts';

export const WIRE_VERSIONS = {
  '0.33.0': V0_33_0,
} as const satisfies Readonly<Record<string, WireVersion>>;
