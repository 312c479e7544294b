/** The versions whose wire is known: another is a file of its own, a row here and one of `SPOKEN_VERSIONS`. */
import type { SpokenVersion } from '../../version.ts';
import type { WireVersion } from '../wire-version.ts';
import { V0_28_0 } from './v0-28-0.ts';
import { V0_30_0 } from './v0-30-0.ts';
import { V0_31_0 } from './v0-31-0.ts';
import { V0_32_0 } from './v0-32-0.ts';
import { V0_33_0 } from './v0-33-0/version.ts';

export const WIRE_VERSIONS = {
  '0.28.0': V0_28_0,
  '0.30.0': V0_30_0,
  '0.31.0': V0_31_0,
  '0.32.0': V0_32_0,
  '0.33.0': V0_33_0,
} as const satisfies Readonly<Record<SpokenVersion, WireVersion>>;
