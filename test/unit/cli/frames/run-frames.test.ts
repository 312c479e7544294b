import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CliIo } from '../../../../src/cli/cli-io.ts';
import { runFrames } from '../../../../src/cli/frames/run-frames.ts';
import { readFramesSettings } from '../../../../src/cli/frames/settings.ts';
import type { FrameLine } from '../../../../src/shared/tap/frame-line.ts';
import { GOLDEN_WORDS, goldenKinds } from '../../../support/golden-frames.ts';
import { writeGoldenRecording } from '../../../support/golden-recording.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frames-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(flags: Readonly<Record<string, readonly string[]>> = {}) {
  const said = { stdout: '', stderr: '' };
  const io: CliIo = {
    stdout: (text) => {
      said.stdout += text;
    },
    stderr: (text) => {
      said.stderr += text;
    },
    drained: async () => {},
    colours: false,
  };
  const settings = readFramesSettings({
    positionals: [folder],
    flags: new Map(Object.entries(flags)),
  });
  const exitCode = await runFrames(settings, 80, io);
  return { exitCode, ...said, lines: said.stdout.trimEnd().split('\n') };
}

describe('frames of a recording', () => {
  it.each(['dp1', 'dp2', 'dp2_moe', 'real_coordinator'])(
    'as JSON have the types and the order that the golden data of %s has',
    async (golden) => {
      writeGoldenRecording(folder, golden);
      const { lines, exitCode } = await run({ json: ['true'] });
      const frames = lines.map((line) => JSON.parse(line) as FrameLine);
      const expected = goldenKinds(golden).map((kind) => GOLDEN_WORDS[kind] ?? kind);
      const unnamed = /^coordinator->engine/;
      expect(frames.map(({ type }) => type)).toEqual(
        expected.map((kind, index) => (unnamed.test(kind) ? (frames[index]?.type ?? kind) : kind)),
      );
      expect(Object.keys(frames[0] ?? {})).toEqual([
        'seq',
        't_ms',
        'process',
        'socket',
        'direction',
        'peer',
        'type',
        'bytes',
        'message',
      ]);
      expect(exitCode).toBe(0);
    },
  );

  it('of one request are its ADD and the OUTPUTS that have it', async () => {
    writeGoldenRecording(folder, 'dp2');
    const { lines } = await run({ json: ['true'], request: ['d1'] });
    const frames = lines.map((line) => JSON.parse(line) as FrameLine);
    expect(frames[0]).toMatchObject({ type: 'ADD', peer: 1 });
    expect(new Set(frames.slice(1).map(({ type }) => type))).toEqual(new Set(['OUTPUTS']));
    expect(frames.every(({ message }) => JSON.stringify(message).includes('"d1"'))).toBe(true);
  });

  it('are those of an engine and of a time where that is asked for', async () => {
    writeGoldenRecording(folder, 'dp2');
    const { lines } = await run({ json: ['true'], engine: ['1'], since: ['2'], until: ['7'] });
    const frames = lines.map((line) => JSON.parse(line) as FrameLine);
    expect(frames.map(({ peer }) => peer)).toEqual([1, 1]);
    const wall = await run({
      json: ['true'],
      until: ['2026-01-31T12:00:00.003Z'],
    });
    expect(wall.lines).toHaveLength(4);
  });

  it('in full have every field with its meaning and its bytes', async () => {
    writeGoldenRecording(folder, 'dp1');
    const { stdout } = await run({ full: ['true'], type: ['EngineCoreReadyResponse'] });
    expect(stdout).toMatch(/num_gpu_blocks = 33 +21\n +Blocks of the KV cache of this engine/);
    expect(stdout).toContain('kv_cache_max_concurrency');
  });

  it('are judged: 0 and a sentence where all is well', async () => {
    writeGoldenRecording(folder, 'dp2_moe');
    const { exitCode, lines } = await run({ check: ['true'] });
    expect(exitCode).toBe(0);
    expect(lines.at(-1)).toBe('Verdict: 27 frames of 1 process: all as vLLM 0.33.0 says it.');
  });

  it('are judged: 1 and what is wrong, for machines as one object', async () => {
    writeGoldenRecording(folder, 'dp1', ([hello, ...rest]) =>
      hello === undefined
        ? rest
        : [hello, { ...hello, frame: { ...hello.frame, seq: 2 } }].concat(
            rest.map(({ frame, ...place }) => ({
              ...place,
              frame: { ...frame, seq: place.process === 'APIServer' ? frame.seq + 1 : frame.seq },
            })),
          ),
    );
    const { exitCode, lines } = await run({ check: ['true'], json: ['true'] });
    expect(exitCode).toBe(1);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      verdict: 'broken',
      problems: [{ rule: 'handshake.hello', severity: 'error', engine: 0, seq: 2 }],
    });
  });

  it('say so where none is left', async () => {
    writeGoldenRecording(folder, 'dp1');
    expect((await run({ engine: ['7'] })).stdout).toBe('No frame to show.\n');
    expect(readFileSync(join(folder, 'APIServer.ndjson'), 'utf8')).toContain('HELLO');
  });
});
