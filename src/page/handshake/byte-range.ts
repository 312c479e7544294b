import type { FrameField } from '../../shared/tap/frame-line.ts';

/** Where the bytes of a field are. */
export type ByteRange = NonNullable<FrameField['bytes']>;
