import { describe, expect, it } from 'vitest';
import type { NixlOutgoing } from '../../../../src/engine-core/kv-transfer/nixl/nixl-messages.ts';
import {
  type NixlLoad,
  NixlReceiver,
} from '../../../../src/engine-core/kv-transfer/nixl/nixl-receiver.ts';
import { NixlSender } from '../../../../src/engine-core/kv-transfer/nixl/nixl-sender.ts';
import { NixlStats } from '../../../../src/engine-core/kv-transfer/nixl/nixl-stats.ts';
import { TransferLink } from '../../../../src/engine-core/kv-transfer/transfer-link.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';

const LOAD: NixlLoad = {
  requestId: 'here',
  remoteRequestId: 'there',
  peer: { engineId: 'p', host: '127.0.0.1', port: 5600 },
  blockIds: [1, 2],
  bytes: 2_000,
  numDescriptors: 2,
};

function receiver() {
  const clock = new VirtualClock();
  const stats = new NixlStats();
  const sent: NixlOutgoing[] = [];
  const link = new TransferLink({ bytesPerSecond: 1_000_000, latencyMs: 1 });
  const receive = new NixlReceiver({ clock, stats, link, send: (message) => sent.push(message) });
  return { clock, stats, sent, receive };
}

describe('NixlReceiver', () => {
  it('asks a peer once, reads as long as the bytes take, and then tells it', () => {
    const { clock, sent, receive, stats } = receiver();
    receive.begin(LOAD);
    expect(sent.map(({ kind }) => kind)).toEqual(['handshake']);
    receive.settle('p', null);
    clock.advance(2.5);
    expect(receive.takeEnded().done).toEqual([]);
    clock.advance(1);
    expect(receive.takeEnded().done).toEqual(['here']);
    expect(sent[1]).toEqual({ kind: 'read', peer: LOAD.peer, requestId: 'there' });
    expect(stats.take()).toMatchObject({ transfer_duration: [0.003], bytes_transferred: [2_000] });
  });

  it('fails all that wait for a peer that does not answer', () => {
    const { receive, stats } = receiver();
    receive.begin(LOAD);
    receive.begin({ ...LOAD, requestId: 'other' });
    receive.settle('p', 'no answer');
    expect(receive.takeEnded().failed.map(({ requestId }) => requestId)).toEqual(['here', 'other']);
    expect(stats.take()).toMatchObject({ num_failed_handshakes: [1] });
  });

  it('only tells the peer where nothing is to be read', () => {
    const { sent, receive } = receiver();
    receive.begin({ ...LOAD, blockIds: [] });
    receive.settle('p', null);
    expect(sent.map(({ kind }) => kind)).toEqual(['handshake', 'read']);
    expect(receive.takeEnded().done).toEqual([]);
  });
});

describe('NixlSender', () => {
  it('keeps blocks until they are read, or until their lease ends', () => {
    const clock = new VirtualClock();
    const stats = new NixlStats();
    const sender = new NixlSender({ clock, stats, leaseSeconds: 30 });
    sender.keep('a', 30);
    sender.keep('b', 30);
    sender.noteRead('a');
    expect(sender.takeDone()).toEqual(['a']);
    clock.advance(20_000);
    sender.extend(['b']);
    clock.advance(15_000);
    expect(sender.takeDone()).toEqual([]);
    clock.advance(5_000);
    expect(sender.takeDone()).toEqual(['b']);
    sender.noteRead('b');
    expect(stats.take()).toMatchObject({
      num_kv_expired_reqs: [1],
      num_notifications_after_expiry: [1],
    });
  });
});
