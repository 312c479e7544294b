import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../src/shared/tap/dissector.ts';
import { frameTypeOf } from '../../src/shared/tap/frame-type.ts';
import { toRawFrame } from '../../src/shared/tap/raw-frame.ts';
import type { FrameDirection, SocketType, TappedFrame } from '../../src/shared/tap/tap.ts';
import type { SocketName } from '../../src/shared/transport/transport.ts';
import { type GoldenSample, goldenSamples, partsOf } from '../support/golden-frames.ts';

type Place = readonly [SocketName, SocketType, FrameDirection, string];

/** Where each kind of the golden data travels, as the one who gets it sees it, and the word for it. */
const PLACES: Readonly<Record<string, Place>> = {
  HELLO: ['handshake', 'ROUTER', 'receive', 'HELLO'],
  INIT: ['handshake', 'ROUTER', 'send', 'INIT'],
  READY: ['handshake', 'ROUTER', 'receive', 'READY'],
  EngineCoreReadyResponse: ['input', 'ROUTER', 'receive', 'EngineCoreReadyResponse'],
  ADD: ['input', 'ROUTER', 'send', 'ADD'],
  ABORT: ['input', 'ROUTER', 'send', 'ABORT'],
  UTILITY: ['input', 'ROUTER', 'send', 'UTILITY'],
  START_DP_WAVE: ['input', 'ROUTER', 'send', 'START_DP_WAVE'],
  OUTPUT: ['output', 'PULL', 'receive', 'OUTPUTS'],
  ENGINE_CORE_DEAD: ['output', 'PULL', 'receive', 'ENGINE_CORE_DEAD'],
  KV_EVENT: ['kv_events', 'PUB', 'send', 'KV_EVENT'],
  KV_EVENT_REPLAY: ['kv_events_replay', 'ROUTER', 'receive', 'KV_EVENT_REPLAY'],
  'engine->coordinator': ['coordinator_output', 'PULL', 'receive', 'COUNTS'],
  'engine->coordinator subscribe': ['coordinator_input', 'XPUB', 'receive', 'SUBSCRIBE'],
  'XSUB->XPUB': ['coordinator_input', 'XPUB', 'receive', 'SUBSCRIBE'],
  'coordinator->engines READY': ['coordinator_input', 'XSUB', 'receive', 'READY'],
  'coordinator->engines': ['coordinator_input', 'XSUB', 'receive', 'READY'],
  'coordinator->engine0': ['coordinator_input', 'XSUB', 'receive', ''],
  'coordinator->engine1': ['coordinator_input', 'XSUB', 'receive', ''],
  'coordinator->engines START_DP_WAVE': ['coordinator_input', 'XSUB', 'receive', 'START_DP_WAVE'],
  'coordinator->frontend': ['frontend_stats_publish', 'XSUB', 'receive', 'COUNTS'],
  'frontend->coordinator': ['frontend_stats_publish', 'XPUB', 'receive', 'SCALE_ELASTIC_EP'],
};

const samples = goldenSamples();

function tappedOf(sample: GoldenSample): TappedFrame {
  const [name, type, direction] = PLACES[sample.kind]!;
  const socket = { name, type, address: 'tcp://127.0.0.1:1' };
  return { seq: 1, monotonicMs: 0, socket, direction, ...partsOf(sample) };
}

/** What the golden data says of the message itself. */
function payloadOf({ decoded }: GoldenSample): unknown {
  if (typeof decoded !== 'object' || decoded === null) return decoded;
  for (const key of ['payload', 'request', 'call', 'batch'])
    if (key in decoded) return (decoded as Record<string, unknown>)[key];
  return decoded;
}

/** Whether all that the golden data says is in what is shown; a list that it cut is compared by its head. */
function firstMissing(expected: unknown, shown: unknown, path = ''): string | null {
  if (typeof expected !== 'object' || expected === null)
    return Object.is(expected, shown)
      ? null
      : `${path}: ${JSON.stringify(expected)} / ${JSON.stringify(shown)}`;
  if ('$len' in expected && Array.isArray(shown))
    return shown.length === expected.$len ? null : path;
  if (typeof shown !== 'object' || shown === null) return `${path}: ${JSON.stringify(shown)}`;
  // vLLM's named tuples are lists there, and have their names here.
  const got = Array.isArray(expected) && !Array.isArray(shown) ? Object.values(shown) : shown;
  for (const [key, value] of Object.entries(expected)) {
    const found = firstMissing(value, (got as Record<string, unknown>)[key], `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

describe('the dissector', () => {
  const dissector = createDissector(WIRE_VERSIONS['0.33.0']);

  it('has a place for every kind of the golden data', () => {
    expect(samples.map(({ kind }) => kind).filter((kind) => !(kind in PLACES))).toEqual([]);
  });

  it.each(samples.map((sample) => [sample.name, sample] as const))(
    'shows all that %s says, under its names, and finds nothing wrong',
    (_, sample) => {
      const raw = toRawFrame(tappedOf(sample));
      const word = PLACES[sample.kind]![3];
      if (word !== '') expect(frameTypeOf(tappedOf(sample))).toBe(word);
      const { struct, message, problems, fields } = dissector.dissect(raw);
      expect(problems).toEqual([]);
      // A line is read without the checks, and says the same.
      expect(dissector.line(raw, { process: 'a', tMs: 0 }).message).toEqual(message);
      expect(fields.length).toBeGreaterThan(0);
      if (
        struct !== null &&
        ![
          'UtilityCall',
          'StartDPWave',
          'CoordinatorUpdate',
          'ScaleElasticEP',
          'KVEventBatch',
        ].includes(struct)
      )
        expect(firstMissing(payloadOf(sample), message)).toBeNull();
    },
  );
});
