/** The view that the flags ask for. */
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../shared/tap/dissector.ts';
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { toRawFrame } from '../../shared/tap/raw-frame.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import type { CliIo } from '../cli-io.ts';
import type { FrameView } from './frame-view.ts';
import type { TapSettings } from './settings.ts';

export function createFrameView({ json }: TapSettings, io: CliIo): FrameView {
  const dissector = createDissector(WIRE_VERSIONS[VLLM_VERSION]);
  return {
    show(frame, tMs) {
      const line = dissector.line(toRawFrame(frame), { process: 'tap', tMs });
      io.stdout(json ? `${JSON.stringify(line)}\n` : textOf(line));
    },
    end: () => 0,
  };
}

function textOf({ t_ms, peer, direction, type, socket, bytes }: FrameLine): string {
  const arrow = direction === 'send' ? '->' : '<-';
  const who = peer === null ? '' : `EngineCore_DP${peer}`;
  return `${(t_ms / 1000).toFixed(3).padStart(9)} s  tap ${arrow} ${who.padEnd(15)} ${type}  ${socket}, ${bytes} bytes\n`;
}
