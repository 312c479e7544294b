/** Golden live frames as a recording in a folder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RECORDING_SCHEMA } from '../../src/shared/tap/recording-format.ts';
import { type GoldenFrame, goldenFrames } from './golden-frames.ts';

/** One file a process. */
export function writeGoldenRecording(
  folder: string,
  run: string,
  change: (frames: readonly GoldenFrame[]) => readonly GoldenFrame[] = (frames) => frames,
): void {
  const frames = change(goldenFrames(run));
  for (const process of new Set(frames.map((golden) => golden.process))) {
    const head = {
      schema: RECORDING_SCHEMA,
      process,
      host: 'golden',
      pid: 1,
      wall_ms: Date.parse('2026-01-31T12:00:00Z'),
      monotonic_ms: 0,
      vllm_version: '0.33.0',
      part: 1,
    };
    const lines = frames.filter((golden) => golden.process === process).map(({ frame }) => frame);
    writeFileSync(
      join(folder, `${process}.ndjson`),
      [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
  }
}
