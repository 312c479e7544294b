import { describe, expect, it } from 'vitest';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { type FrameType, frameTypeOf, peerOf } from '../../../../src/shared/tap/frame-type.ts';
import type { SocketType } from '../../../../src/shared/tap/tap.ts';
import type { SocketName } from '../../../../src/shared/transport/transport.ts';
import { type GoldenSample, goldenSamples, partsOf } from '../../../support/golden-frames.ts';

/** Where a kind of message travels: its socket, the sender's type and the receiver's; null where that is not ours. */
type Way = readonly [SocketName, SocketType, SocketType | null, FrameType];

const WAYS: Readonly<Record<string, Way>> = {
  HELLO: ['handshake', 'DEALER', 'ROUTER', 'HELLO'],
  INIT: ['handshake', 'ROUTER', 'DEALER', 'INIT'],
  READY: ['handshake', 'DEALER', 'ROUTER', 'READY'],
  EngineCoreReadyResponse: ['input', 'DEALER', 'ROUTER', 'EngineCoreReadyResponse'],
  ADD: ['input', 'ROUTER', 'DEALER', 'ADD'],
  ABORT: ['input', 'ROUTER', 'DEALER', 'ABORT'],
  UTILITY: ['input', 'ROUTER', 'DEALER', 'UTILITY'],
  OUTPUT: ['output', 'PUSH', 'PULL', 'OUTPUTS'],
  ENGINE_CORE_DEAD: ['output', 'PUSH', 'PULL', 'ENGINE_CORE_DEAD'],
  'engine->coordinator': ['coordinator_output', 'PUSH', 'PULL', 'COUNTS'],
  'engine->coordinator subscribe': ['coordinator_input', 'XSUB', 'XPUB', 'SUBSCRIBE'],
  'XSUB->XPUB': ['frontend_stats_publish', 'XSUB', 'XPUB', 'SUBSCRIBE'],
  'coordinator->frontend': ['frontend_stats_publish', 'XPUB', 'XSUB', 'COUNTS'],
  'frontend->coordinator': ['frontend_stats_publish', 'XSUB', 'XPUB', 'SCALE_ELASTIC_EP'],
  START_DP_WAVE: ['coordinator_input', 'XPUB', 'XSUB', 'START_DP_WAVE'],
  KV_EVENT: ['kv_events', 'PUB', null, 'KV_EVENT'],
  KV_EVENT_REPLAY: ['kv_events_replay', 'ROUTER', null, 'KV_EVENT_REPLAY'],
};

const samples = goldenSamples();

function wayOf({ kind, frames }: GoldenSample): Way {
  // What the coordinator publishes to engines is a word, or a request type and its payload.
  if (/^coordinator->engine/.test(kind))
    return ['coordinator_input', 'XPUB', 'XSUB', frames.length === 1 ? 'READY' : 'START_DP_WAVE'];
  const way = WAYS[kind];
  if (way === undefined) throw new Error(`no way of ${kind}`);
  return way;
}

describe('frameTypeOf', () => {
  it('knows all 297 recorded frames', () => {
    expect(samples).toHaveLength(297);
  });

  it.each(samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    const [name, sender, receiver, type] = wayOf(sample);
    const { parts } = partsOf(sample);
    const isDead = sample.kind === 'OUTPUT' && parts[0]?.toString() === 'ENGINE_CORE_DEAD';
    const expected = isDead ? 'ENGINE_CORE_DEAD' : type;
    const at = (socketType: SocketType, direction: 'send' | 'receive') =>
      frameTypeOf({
        socket: { name, type: socketType, address: '' },
        direction,
        identity: null,
        parts,
      });
    expect(at(sender, 'send')).toBe(expected);
    if (receiver !== null) expect(at(receiver, 'receive')).toBe(expected);
  });

  it.each([
    ['handshake', 'ROUTER', 'receive', ['']],
    ['handshake', 'ROUTER', 'receive', ['80']],
    ['handshake', 'ROUTER', 'receive', ['83a6737461747573a5']],
    ['input', 'DEALER', 'receive', ['09', '80']],
    ['input', 'DEALER', 'receive', []],
    ['input', 'ROUTER', 'receive', ['90']],
    ['output', 'PULL', 'receive', ['80']],
    ['output', 'PULL', 'receive', []],
    ['coordinator_input', 'XSUB', 'receive', ['05']],
    ['frontend_stats_publish', 'XPUB', 'receive', ['c0']],
    ['other', 'PUB', 'send', ['90']],
  ] as const)('calls what is no message of %s, %s, %s %j UNKNOWN', (name, type, direction, hex) => {
    const parts = hex.map((text) => Buffer.from(text, 'hex'));
    const socket = { name, type, address: '' } as const;
    expect(frameTypeOf({ socket, direction, identity: null, parts })).toBe('UNKNOWN');
  });
});

describe('what a frontend tells the coordinator', () => {
  it.each([
    ['FIRST_REQ', '92c402010003'],
    ['SCALE_ELASTIC_EP', '92b05343414c455f454c41535449435f455004'],
  ])('%s is known by how it begins', (type, hex) => {
    const parts = [Buffer.from(hex, 'hex')];
    const socket = { name: 'frontend_stats_publish', type: 'XPUB', address: '' } as const;
    expect(frameTypeOf({ socket, direction: 'receive', identity: null, parts })).toBe(type);
  });
});

describe('peerOf', () => {
  it('is the rank of the identity at a ROUTER', () => {
    const socket = { name: 'input', type: 'ROUTER', address: '' } as const;
    for (const rank of [0, 1, 127, 128, 300]) {
      const identity = identityFromEngineIndex(rank);
      expect(peerOf({ socket, direction: 'send', identity, parts: [] })).toBe(rank);
    }
    const identity = Buffer.from('somebody');
    expect(peerOf({ socket, direction: 'receive', identity, parts: [] })).toBeNull();
  });

  it('is the rank that outputs and counts of an engine name', () => {
    const ranks = samples
      .filter(({ kind }) => kind === 'OUTPUT' || kind === 'engine->coordinator')
      .map((sample) => {
        const { parts } = partsOf(sample);
        const [name] = wayOf(sample);
        const decoded = sample.decoded as { readonly engine_index?: number };
        const socket = { name, type: 'PULL', address: '' } as const;
        return [
          peerOf({ socket, direction: 'receive', identity: null, parts }),
          decoded.engine_index ?? null,
        ];
      });
    expect(ranks.length).toBeGreaterThan(100);
    expect(ranks.map(([peer]) => peer)).toEqual(ranks.map(([, rank]) => rank));
  });

  it.each([
    [128, 'cc80'],
    [300, 'cd012c'],
  ])('reads rank %i in more than one byte', (rank, hex) => {
    const socket = { name: 'output', type: 'PULL', address: '' } as const;
    const parts = [Buffer.from(`92${hex}90`, 'hex')];
    expect(peerOf({ socket, direction: 'receive', identity: null, parts })).toBe(rank);
  });

  it('is null where the other end is no engine, or many', () => {
    const parts = [Buffer.from('9100', 'hex')];
    for (const type of ['DEALER', 'PUSH', 'XPUB', 'XSUB', 'PUB'] as const) {
      const socket = { name: 'input', type, address: '' } as const;
      expect(peerOf({ socket, direction: 'send', identity: null, parts })).toBeNull();
    }
    const replay = { name: 'kv_events_replay', type: 'ROUTER', address: '' } as const;
    const identity = identityFromEngineIndex(1);
    expect(peerOf({ socket: replay, direction: 'receive', identity, parts })).toBeNull();
  });
});
