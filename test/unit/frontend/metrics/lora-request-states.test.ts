import { describe, expect, it } from 'vitest';
import { LoRARequestStates } from '../../../../src/frontend/metrics/lora-request-states.ts';
import { createSchedulerStats } from '../../../../src/shared/protocol/defaults.ts';
import { EngineCoreEventType } from '../../../../src/shared/protocol/outputs.ts';

const { QUEUED, SCHEDULED, PREEMPTED } = EngineCoreEventType;
const events = (...types: readonly EngineCoreEventType[]) =>
  types.map((type) => ({ type, timestamp: 1 }));

function mapsOf(states: LoRARequestStates) {
  const { waitingLoraAdapters, runningLoraAdapters } = states.addTo(createSchedulerStats());
  return [waitingLoraAdapters, runningLoraAdapters];
}

describe('LoRARequestStates', () => {
  it('counts the requests of an adapter that wait and run, each adapter in both maps', () => {
    const states = new LoRARequestStates();
    states.updateFromEvents('1', 'a', events(QUEUED));
    states.updateFromEvents('2', 'a', events(QUEUED, SCHEDULED));
    states.updateFromEvents('3', 'b', events(QUEUED, SCHEDULED, PREEMPTED));
    expect(mapsOf(states)).toEqual([
      { a: 1, b: 1 },
      { a: 1, b: 0 },
    ]);
  });

  it('forgets an adapter with its last request', () => {
    const states = new LoRARequestStates();
    states.updateFromEvents('1', 'a', events(QUEUED, SCHEDULED));
    states.updateFromEvents('2', 'a', events(QUEUED));
    states.finish('1', 'a');
    expect(mapsOf(states)).toEqual([{ a: 1 }, { a: 0 }]);
    states.finish('2', 'a');
    states.finish('2', 'a');
    expect(mapsOf(states)).toEqual([{}, {}]);
  });

  it('says nothing of requests without an adapter, and nothing once the engines are gone', () => {
    const states = new LoRARequestStates();
    states.updateFromEvents('1', null, events(QUEUED));
    states.updateFromEvents('2', 'a', null);
    states.finish('1', null);
    expect(mapsOf(states)).toEqual([{}, {}]);
    states.updateFromEvents('2', 'a', events(QUEUED));
    states.clear();
    expect(mapsOf(states)).toEqual([{}, {}]);
  });
});
