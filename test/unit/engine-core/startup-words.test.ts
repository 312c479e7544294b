import { describe, expect, it } from 'vitest';
import {
  batchQueueLine,
  coordinatorLine,
  initTookLine,
  receivedInitLine,
} from '../../../src/engine-core/startup-words.ts';

const ALONE = {
  inputs: ['ipc:///tmp/in'],
  outputs: ['ipc:///tmp/out'],
  coordinatorInput: null,
  coordinatorOutput: null,
  frontendStatsPublishAddress: null,
};

describe('what an engine says of its start', () => {
  it('shows the init message as Python shows it', () => {
    expect(receivedInitLine({ addresses: ALONE, parallelConfig: {} })).toBe(
      "Received init message: EngineHandshakeMetadata(addresses=EngineZmqAddresses(inputs=['ipc:///tmp/in'], " +
        "outputs=['ipc:///tmp/out'], coordinator_input=None, coordinator_output=None, " +
        'frontend_stats_publish_address=None), parallel_config={})',
    );
    const parallelConfig = { data_parallel_master_ip: '127.0.0.1', _list: [1, 2], size: 2 };
    expect(receivedInitLine({ addresses: ALONE, parallelConfig })).toContain(
      "parallel_config={'data_parallel_master_ip': '127.0.0.1', '_list': [1, 2], 'size': 2})",
    );
  });

  it('names the coordinator, or that there is none', () => {
    expect(coordinatorLine(ALONE)).toBe('Has DP Coordinator: False, stats publish address: None');
    expect(
      coordinatorLine({
        ...ALONE,
        coordinatorOutput: 'ipc:///tmp/c',
        frontendStatsPublishAddress: 'ipc:///tmp/s',
      }),
    ).toBe('Has DP Coordinator: True, stats publish address: ipc:///tmp/s');
  });

  it('tells how long its setting up took, and how many batches it keeps in flight', () => {
    expect(initTookLine(1234)).toBe(
      'init engine (profile, create kv cache, warmup model) took 1.23 s',
    );
    expect(batchQueueLine(2)).toBe('Batch queue is enabled with size 2');
    expect(batchQueueLine(1)).toBeNull();
  });
});
