/** The view that the flags ask for. */
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { ProtocolCheck } from '../../shared/tap/check/protocol-check.ts';
import { createDissector, type Dissector } from '../../shared/tap/dissector.ts';
import { factsText } from '../../shared/tap/frame-facts.ts';
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { toRawFrame } from '../../shared/tap/raw-frame.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import type { CliIo } from '../cli-io.ts';
import type { FrameView } from './frame-view.ts';
import type { TapSettings } from './settings.ts';
import { verdictText } from './verdict-text.ts';

/** What this process is called in what it shows. */
const TAP_PROCESS = 'tap';

export function createFrameView({ json, check }: TapSettings, io: CliIo): FrameView {
  const dissector = createDissector(WIRE_VERSIONS[VLLM_VERSION]);
  return check ? checkView(dissector, json, io) : linesView(dissector, json, io);
}

function linesView(dissector: Dissector, json: boolean, io: CliIo): FrameView {
  return {
    show(frame, tMs) {
      const line = dissector.line(toRawFrame(frame), { process: TAP_PROCESS, tMs });
      io.stdout(json ? `${JSON.stringify(line)}\n` : textOf(line));
    },
    end: () => 0,
  };
}

/** Frames as text above the verdict; as JSON the verdict alone. */
function checkView(dissector: Dissector, json: boolean, io: CliIo): FrameView {
  const check = new ProtocolCheck(WIRE_VERSIONS[VLLM_VERSION]);
  const lines = linesView(dissector, false, io);
  return {
    show(frame, tMs) {
      check.add(toRawFrame(frame), { process: TAP_PROCESS });
      if (!json) lines.show(frame, tMs);
    },
    end(numLost) {
      const verdict = check.verdict();
      const shown = { ...verdict, num_not_checked: numLost };
      io.stdout(json ? `${JSON.stringify(shown, null, 2)}\n` : verdictText(verdict, numLost));
      return verdict.verdict === 'ok' && numLost === 0 ? 0 : 1;
    },
  };
}

/** The other end is an engine, or the frontend where the tap hands on what it changed. */
function textOf(line: FrameLine): string {
  const { t_ms, peer, direction, type, socket } = line;
  const arrow = direction === 'send' ? '──▶' : '◀──';
  const isShared = socket !== 'handshake' && socket !== 'input' && socket !== 'output';
  const other = peer !== null ? `EngineCore_DP${peer}` : isShared ? socket : 'frontend';
  const time = (t_ms / 1000).toFixed(3).padStart(9);
  return `${`${time} s  tap ${arrow} ${other.padEnd(17)} ${type}  ${factsText(line)}`.trimEnd()}\n`;
}
