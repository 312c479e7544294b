/** The view that the flags ask for: a diagram that grows, a line of JSON a frame, or frames and a verdict. */
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { ProtocolCheck } from '../../shared/tap/check/protocol-check.ts';
import { createFollowingDissector } from '../../shared/tap/following-dissector.ts';
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { TAP_PROCESS } from '../../shared/tap/frame-pairing.ts';
import { FrameVersions } from '../../shared/tap/frame-versions.ts';
import { toRawFrame } from '../../shared/tap/raw-frame.ts';
import type { CliIo } from '../cli-io.ts';
import { Diagram } from '../frames/diagram.ts';
import { diagramWidth } from '../frames/diagram-width.ts';
import { verdictText } from '../frames/verdict-text.ts';
import { COLOUR_PALETTE, type Palette, PLAIN_PALETTE } from '../text-layout.ts';
import type { FrameView } from './frame-view.ts';
import type { TapSettings } from './settings.ts';

export function createFrameView({ json, check, version }: TapSettings, io: CliIo): FrameView {
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  if (check) return checkView(json, version, palette, io);
  if (!json) return diagramView(version, palette, io);
  return framesView(version, (line) => io.stdout(`${JSON.stringify(line)}\n`));
}

function framesView(version: WireVersion | null, show: (line: FrameLine) => void): FrameView {
  const dissector = createFollowingDissector(new FrameVersions(version));
  return {
    show: (frame, tMs) => show(dissector.line(toRawFrame(frame), { process: TAP_PROCESS, tMs })),
    end: () => 0,
  };
}

/** Arrows as they come: nobody else tells of the same frames. */
function diagramView(version: WireVersion | null, palette: Palette, io: CliIo): FrameView {
  const diagram = new Diagram(['APIServer', TAP_PROCESS], diagramWidth(), palette, 0);
  return framesView(version, (line) => {
    for (const text of diagram.add(line)) io.stdout(`${text}\n`);
  });
}

/** Frames as text above the verdict; as JSON the verdict alone. */
function checkView(
  json: boolean,
  version: WireVersion | null,
  palette: Palette,
  io: CliIo,
): FrameView {
  const check = new ProtocolCheck(version);
  const diagram = json ? null : diagramView(version, palette, io);
  return {
    show(frame, tMs) {
      check.add(toRawFrame(frame), { process: TAP_PROCESS });
      diagram?.show(frame, tMs);
    },
    end(numLost) {
      const verdict = check.verdict();
      if (json) {
        const shown = { ...verdict, num_not_checked: numLost };
        io.stdout(`${JSON.stringify(shown, null, 2)}\n`);
      } else {
        io.stdout('\n');
        for (const text of verdictText(verdict, diagramWidth(), palette)) io.stdout(`${text}\n`);
        if (numLost > 0) io.stdout(`${numLost} frames came too fast and were not checked.\n`);
      }
      return verdict.verdict === 'ok' && numLost === 0 ? 0 : 1;
    },
  };
}
