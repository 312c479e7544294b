/** Values in another unit, which a check sees though they are of the right type and sign. */
import { expect, it } from 'vitest';
import type { EngineCoreOutputs } from '../../../src/shared/protocol/outputs.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../src/shared/protocol/wire-codec.ts';
import { failedIds, judgeEngines, type Mutation } from '../../support/conform-engine.ts';

const codec = createWireCodec(WIRE_VERSIONS['0.33.0']);

function outputs(change: (outputs: EngineCoreOutputs) => EngineCoreOutputs): Mutation {
  return {
    send({ socket, frames }) {
      if (socket !== 'output') return [frames];
      const read = codec.decodeEngineCoreOutputs(frames);
      return [read === 'ENGINE_CORE_DEAD' ? frames : codec.encodeEngineCoreOutputs(change(read))];
    },
  };
}

const inTimeOfDay = outputs((message) => ({ ...message, timestamp: 1.7e9 + message.timestamp }));
const withoutTime = outputs((message) => ({ ...message, timestamp: Number.NaN }));
const inPercent = outputs((message) => {
  const { schedulerStats: stats } = message;
  if (stats === null) return message;
  return { ...message, schedulerStats: { ...stats, kvCacheUsage: 100 * stats.kvCacheUsage } };
});

it.each([
  ['a time of day', 'engine.outputs.timestamp', inTimeOfDay],
  ['no number', 'engine.outputs.timestamp', withoutTime],
  ['percent of a large cache', 'engine.stats.usage', inPercent],
] as const)('%s fails %s alone', async (_, id, mutation) => {
  const verdicts = await judgeEngines({ mutate: () => mutation });
  expect(failedIds(verdicts)).toEqual([id]);
});
