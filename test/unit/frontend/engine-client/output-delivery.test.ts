import { describe, expect, it } from 'vitest';
import {
  MAX_EARLY_OUTPUTS,
  OutputDelivery,
} from '../../../../src/frontend/engine-client/output-delivery.ts';
import { createEngineCoreOutputs } from '../../../../src/shared/protocol/defaults.ts';
import type { EngineCoreOutputs } from '../../../../src/shared/protocol/outputs.ts';
import { recordingLogger } from '../../../support/engine-client.ts';

/** Outputs that can be told apart. */
function numbered(engineIndex: number): EngineCoreOutputs {
  return createEngineCoreOutputs({ engineIndex });
}

function createDelivery() {
  const { logger, warnings } = recordingLogger();
  const seen: number[] = [];
  const take = ({ engineIndex }: EngineCoreOutputs) => seen.push(engineIndex);
  return { delivery: new OutputDelivery(logger), warnings, seen, take };
}

describe('the delivery of outputs', () => {
  it('keeps what comes before the handler and hands it over in order, once', () => {
    const { delivery, seen, take, warnings } = createDelivery();
    delivery.deliver(numbered(1));
    delivery.deliver(numbered(2));
    delivery.setHandler(take);
    expect(seen).toEqual([1, 2]);
    delivery.deliver(numbered(3));
    delivery.setHandler(take);
    expect(seen).toEqual([1, 2, 3]);
    expect([delivery.droppedCount, warnings]).toEqual([0, []]);
  });

  it('drops the oldest beyond its bound, counts it and says so', () => {
    const { delivery, seen, take, warnings } = createDelivery();
    for (let i = 0; i < MAX_EARLY_OUTPUTS; i++) delivery.deliver(numbered(i));
    expect(delivery.droppedCount).toBe(0);
    delivery.deliver(numbered(MAX_EARLY_OUTPUTS));
    expect(delivery.droppedCount).toBe(1);
    expect(warnings).toEqual([['nobody takes the outputs of the engines: the oldest is dropped']]);
    delivery.setHandler(take);
    expect([seen.length, seen[0], seen.at(-1)]).toEqual([MAX_EARLY_OUTPUTS, 1, MAX_EARLY_OUTPUTS]);
  });
});
