/** A held start-up frame in words: what is about to happen, and, in one line, what went by. */
import type { WireVersion } from '../protocol/wire-version.ts';
import { createDissector } from './dissector.ts';
import { type FrameType, frameTypeOf, peerOf, type TypedFrame } from './frame-type.ts';
import { toRawFrame } from './raw-frame.ts';
import type { HeldFrame } from './step-gate.ts';

/** Frames that a start-up consists of. */
const START_UP_TYPES: ReadonlySet<FrameType> = new Set([
  'HELLO',
  'INIT',
  'EngineCoreReadyResponse',
  'SUBSCRIBE',
  'READY',
] satisfies FrameType[]);

/** Whose sockets they are. */
export type StepPlace =
  | { readonly process: 'frontend' | 'coordinator' }
  | { readonly process: 'engine'; readonly rank: number };

/** Null where the frame is none of a start-up. */
export type StepWords = (frame: TypedFrame) => HeldFrame | null;

type Fields = Readonly<Record<string, unknown>>;

export function createStepWords(place: StepPlace, version: WireVersion): StepWords {
  const dissector = createDissector(version);
  return (frame) => {
    const type = frameTypeOf(frame);
    if (!START_UP_TYPES.has(type)) return null;
    const tapped = { ...frame, seq: 0, monotonicMs: 0 };
    const { message } = dissector.dissect(toRawFrame(tapped));
    const fields = typeof message === 'object' && message !== null ? (message as Fields) : {};
    const { from, to } = endsOf(frame, place);
    const what = { type, fields, from, to, socket: frame.socket.name };
    const isHeard = frame.direction === 'receive';
    return {
      sentence: isHeard
        ? `The frontend is about to hear ${type} from ${from}, which it did not start: ${meaningOf(what)}`
        : `${capitalized(from)} ${actOf(what)}: ${meaningOf(what)}`,
      passed: [`${type}  ${from} → ${to}`, ...factsOf(what)].join('  '),
    };
  };
}

interface StartUpFrame {
  readonly type: FrameType;
  readonly fields: Fields;
  readonly from: string;
  readonly to: string;
  readonly socket: TypedFrame['socket']['name'];
}

function endsOf(frame: TypedFrame, place: StepPlace): { from: string; to: string } {
  const own = place.process === 'engine' ? `engine ${place.rank}` : `the ${place.process}`;
  const peer = peerOf(frame);
  if (frame.direction === 'receive') return { from: `engine ${peer}`, to: own };
  if (peer !== null) return { from: own, to: `engine ${peer}` };
  if (place.process === 'coordinator') return { from: own, to: 'all engines' };
  const { name } = frame.socket;
  const isForCoordinator = name === 'coordinator_input' || name === 'frontend_stats_publish';
  return { from: own, to: isForCoordinator ? 'the coordinator' : 'the frontend' };
}

function actOf({ type, to }: StartUpFrame): string {
  if (type === 'INIT') return `is about to answer ${to} with INIT`;
  if (type === 'SUBSCRIBE') return `is about to SUBSCRIBE to ${to}`;
  const verb = type === 'EngineCoreReadyResponse' ? 'send' : 'say';
  return `is about to ${verb} ${type} to ${to}`;
}

function meaningOf({ type, fields, from, socket }: StartUpFrame): string {
  switch (type) {
    case 'HELLO':
      return `it is there, and ${fields['local'] === true ? 'local' : 'remote'}`;
    case 'INIT': {
      const addresses = (fields['addresses'] ?? {}) as Fields;
      const hasCoordinator = typeof addresses['coordinator_input'] === 'string';
      return `the addresses to connect its sockets to${hasCoordinator ? ', those of the coordinator too' : ''}`;
    }
    case 'EngineCoreReadyResponse':
      return `its own KV cache has room for ${count(fields['kv_cache_size_tokens'])} tokens`;
    case 'SUBSCRIBE':
      return socket === 'coordinator_input'
        ? 'it wants to hear when a wave begins'
        : 'it wants to hear how many requests run and wait on each engine';
    default:
      return from.startsWith('engine') ? 'it takes requests' : 'every engine has subscribed';
  }
}

function factsOf({ type, fields }: StartUpFrame): string[] {
  if (type === 'HELLO') return [`local=${fields['local']} headless=${fields['headless']}`];
  if (type !== 'EngineCoreReadyResponse') return [];
  const concurrency = Number(fields['kv_cache_max_concurrency']);
  return [
    `kv_cache_size_tokens=${count(fields['kv_cache_size_tokens'])}`,
    ...(Number.isFinite(concurrency)
      ? [`kv_cache_max_concurrency=${concurrency.toFixed(2)}x`]
      : []),
  ];
}

function count(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : String(value);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
