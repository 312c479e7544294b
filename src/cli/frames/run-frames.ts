/** Reads recordings and shows, checks or hands on what is in them. */
import { basename } from 'node:path';
import { ProtocolCheck } from '../../shared/tap/check/protocol-check.ts';
import type { Dissector } from '../../shared/tap/dissector.ts';
import { createFollowingDissector } from '../../shared/tap/following-dissector.ts';
import { FrameVersions, versionOfHeads } from '../../shared/tap/frame-versions.ts';
import {
  type RecordedFrame,
  readRecordingHeads,
  readRecordings,
} from '../../shared/tap/recording-reader.ts';
import { type CliIo, processIo } from '../cli-io.ts';
import { COLOUR_PALETTE, type Palette, PLAIN_PALETTE } from '../text-layout.ts';
import { Diagram } from './diagram.ts';
import { FrameFilter } from './frame-filter.ts';
import { fullText } from './full.ts';
import { PageFrames, writePage } from './html.ts';
import { LineWriter } from './line-writer.ts';
import type { FramesSettings } from './settings.ts';
import { verdictText } from './verdict-text.ts';

/** The exit code. Throws E_BAD_FILE for what is no recording. */
export async function runFrames(
  settings: FramesSettings,
  width: number,
  io: CliIo = processIo(),
): Promise<number> {
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  const out = new LineWriter(io);
  try {
    if (settings.output === 'check') return await runCheck(settings, width, palette, out, io);
    const heads = readRecordingHeads(settings.paths);
    const versions = new FrameVersions(settings.version, versionOfHeads(heads));
    const dissector = createFollowingDissector(versions);
    const frames = selected(
      settings,
      { versions, dissector },
      Math.min(...heads.map((head) => head.wall_ms)),
      io,
    );
    if (settings.html !== null)
      return await runHtml(settings, settings.html, frames, { versions, dissector }, out);
    if (settings.output === 'diagram')
      await draw(
        new Diagram(
          heads.map(({ process }) => process),
          width,
          palette,
        ),
        frames,
        dissector,
        out,
      );
    else
      for await (const { frame, ...place } of frames)
        if (settings.output === 'json')
          await out.line(JSON.stringify(dissector.line(frame, place)));
        else
          for (const line of fullText(dissector.detail(frame, place), width, palette))
            await out.line(line);
    return 0;
  } finally {
    await out.flush();
  }
}

/** How frames are taken apart, and whose they are. */
interface Reading {
  readonly versions: FrameVersions;
  readonly dissector: Dissector;
}

async function draw(
  diagram: Diagram,
  frames: AsyncIterable<RecordedFrame>,
  dissector: Dissector,
  out: LineWriter,
): Promise<void> {
  let isEmpty = true;
  for await (const { frame, ...place } of frames) {
    isEmpty = false;
    for (const line of diagram.add(dissector.line(frame, place))) await out.line(line);
  }
  for (const line of diagram.end()) await out.line(line);
  if (isEmpty) await out.line('No frame to show.');
}

async function runCheck(
  { paths, json, version }: FramesSettings,
  width: number,
  palette: Palette,
  out: LineWriter,
  io: CliIo,
): Promise<number> {
  const check = new ProtocolCheck(version, versionOfHeads(readRecordingHeads(paths)));
  for await (const { frame, process, run } of readRecordings(paths, gapsTo(io)))
    check.add(frame, { process, run });
  const verdict = check.verdict();
  if (json) await out.line(JSON.stringify(verdict));
  else for (const line of verdictText(verdict, width, palette)) await out.line(line);
  return verdict.verdict === 'ok' ? 0 : 1;
}

async function runHtml(
  { paths }: FramesSettings,
  path: string,
  frames: AsyncIterable<RecordedFrame>,
  { versions, dissector }: Reading,
  out: LineWriter,
): Promise<number> {
  const page = new PageFrames();
  for await (const { frame, ...place } of frames) {
    if (page.isFull) page.leaveOut();
    else page.add(dissector.detail(frame, { ...place, n: page.numFrames + 1 }));
  }
  await writePage(path, {
    title: paths.map((each) => basename(each)).join(', '),
    vllmVersion: versions.text,
    frames: page,
  });
  const left =
    page.numLeftOut === 0 ? '' : `; ${page.numLeftOut} left out for the size of the page`;
  await out.line(`${path}: ${page.numFrames} frames${left}`);
  return 0;
}

/** The frames that the flags ask for, in order of time. */
async function* selected(
  { paths, filter: settings }: FramesSettings,
  { versions, dissector }: Reading,
  startWallMs: number,
  io: CliIo,
): AsyncGenerator<RecordedFrame> {
  const filter = new FrameFilter(settings, ({ frame }) => dissector.dissect(frame).message);
  for await (const recorded of readRecordings(paths, gapsTo(io))) {
    // Also of frames that are not shown: the others are of the version that they tell.
    versions.see(recorded.frame);
    const wallMs = startWallMs + recorded.tMs;
    if (filter.isOver(recorded.tMs, wallMs)) return;
    if (filter.admits(recorded, wallMs)) yield recorded;
  }
}

/** Gaps that are told one by one; the reader goes on. */
const MAX_TOLD_GAPS = 20;

function gapsTo(io: CliIo) {
  let numTold = 0;
  return {
    onGap: ({ message }: { readonly message: string }) => {
      numTold += 1;
      if (numTold <= MAX_TOLD_GAPS) io.stderr(`vllm-twin: ${message}\n`);
    },
  };
}
