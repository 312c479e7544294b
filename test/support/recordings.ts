/** Recordings read back whole, and what a test asks of them. */
import type { RawFrame } from '../../src/shared/tap/raw-frame.ts';
import {
  type RecordedFrame,
  type RecordingGap,
  readRecordings,
} from '../../src/shared/tap/recording-reader.ts';

export interface WholeRecording {
  readonly frames: readonly RecordedFrame[];
  readonly gaps: readonly RecordingGap[];
}

export async function readWhole(...paths: readonly string[]): Promise<WholeRecording> {
  const gaps: RecordingGap[] = [];
  const frames: RecordedFrame[] = [];
  for await (const frame of readRecordings(paths, { onGap: (gap) => gaps.push(gap) }))
    frames.push(frame);
  return { frames, gaps };
}

/** The names of the processes, each once, in order. */
export function processesOf({ frames }: WholeRecording): readonly string[] {
  return [...new Set(frames.map(({ process }) => process))].sort();
}

/** What one process sent and got, in its order. */
export function framesOf({ frames }: WholeRecording, process: string): readonly RawFrame[] {
  return frames.filter((recorded) => recorded.process === process).map(({ frame }) => frame);
}

/** Types in order, what comes several times in a row once. */
export function typesInOrder(frames: readonly RawFrame[]): readonly string[] {
  const types = frames.map(({ type }) => type);
  return types.filter((type, index) => type !== types[index - 1]);
}
