/** Which frames are shown. */
import { engineOf } from '../../shared/tap/frame-pairing.ts';
import type { RecordedFrame } from '../../shared/tap/recording-reader.ts';
import type { FilterSettings } from './settings.ts';

export class FrameFilter {
  readonly #settings: FilterSettings;
  readonly #messageOf: (frame: RecordedFrame) => unknown;

  /** `messageOf` decodes a frame; it is called only where a request is looked for. */
  constructor(settings: FilterSettings, messageOf: (frame: RecordedFrame) => unknown) {
    this.#settings = settings;
    this.#messageOf = messageOf;
  }

  /** `wallMs`: when the frame was, by the wall clock. */
  admits(recorded: RecordedFrame, wallMs: number): boolean {
    const { types, engines, processes, requestId } = this.#settings;
    const { frame, process } = recorded;
    if (types.size > 0 && !types.has(frame.type)) return false;
    if (processes.size > 0 && !processes.has(process)) return false;
    if (engines.size > 0) {
      const engine = engineOf({ process, peer: frame.peer });
      if (engine === null || !engines.has(engine)) return false;
    }
    if (!this.#isInTime(recorded.tMs, wallMs)) return false;
    return requestId === null || speaksOf(this.#messageOf(recorded), requestId);
  }

  /** No later frame can be admitted. */
  isOver(tMs: number, wallMs: number): boolean {
    const { until } = this.#settings;
    if (until === null) return false;
    return 'tMs' in until ? tMs > until.tMs : wallMs > until.wallMs;
  }

  #isInTime(tMs: number, wallMs: number): boolean {
    const { since } = this.#settings;
    if (this.isOver(tMs, wallMs)) return false;
    if (since === null) return true;
    return 'tMs' in since ? tMs >= since.tMs : wallMs >= since.wallMs;
  }
}

/** Keys under which messages have ids of requests. */
const ID_KEYS = ['request_id', 'external_req_id'] as const;
const ID_LIST_KEYS = ['request_ids', 'finished_requests'] as const;

/** Whether a message is about a request: its ADD, its ABORT, OUTPUTS that have it among others. */
function speaksOf(message: unknown, id: string): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const fields = message as Readonly<Record<string, unknown>>;
  if (ID_KEYS.some((key) => fields[key] === id)) return true;
  if (ID_LIST_KEYS.some((key) => includes(fields[key], id))) return true;
  const { outputs } = fields;
  return Array.isArray(outputs) && outputs.some((output) => speaksOf(output, id));
}

function includes(list: unknown, id: string): boolean {
  return Array.isArray(list) && list.includes(id);
}
