import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type CoordinatorEffects,
  CoordinatorState,
} from '../../../../src/frontend/dp-coordinator/coordinator-state.ts';
import {
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import type { EngineCoreOutputs } from '../../../../src/shared/protocol/outputs.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { type SpokenVersion, VLLM_VERSION } from '../../../../src/shared/version.ts';
import { wireCodec } from '../../../support/wire-codec.ts';
import type { WireRecording } from '../../../support/wire-meaning.ts';

const {
  decodeEngineCoreOutputs,
  decodeFrontendNotice,
  decodeSubscription,
  encodeCoordinatorReady,
  encodeCoordinatorUpdate,
  encodeEngineInput,
} = wireCodec;

const WAVES = wireCodec.waves;

const stats = (
  engineIndex: number,
  [numWaitingReqs, numRunningReqs, kvCacheUsage, stepCounter, currentWave]: readonly number[],
): EngineCoreOutputs =>
  createEngineCoreOutputs({
    engineIndex,
    schedulerStats: createSchedulerStats({
      numWaitingReqs: numWaitingReqs ?? 0,
      numRunningReqs: numRunningReqs ?? 0,
      kvCacheUsage: kvCacheUsage ?? 0,
      stepCounter: stepCounter ?? 0,
      currentWave: currentWave ?? 0,
    }),
  });

type Sent = readonly [atMs: number, socket: 'front' | 'back', frames: readonly string[]];

interface Scenario {
  readonly id: string;
  /** Absent: ours. */
  readonly vllm_version?: SpokenVersion;
  readonly engine_count: number;
  readonly enable_wave_coordination: boolean;
  readonly events: readonly (readonly [afterMs: number, socket: string, message: EventMessage])[];
  readonly sends: readonly Sent[];
}
type EventMessage =
  | string
  | {
      readonly engine_index: number;
      readonly stats?: readonly number[];
      readonly start_wave?: number;
      readonly wave_complete?: number;
    };

const hex = (frames: readonly Uint8Array[]): string[] =>
  frames.map((frame) => Buffer.from(frame).toString('hex'));

/** Runs the state as the coordinator's loop does: wait for a message or the time-out, whichever is first. */
function replay(scenario: Scenario): Sent[] {
  const state = new CoordinatorState({
    engineCount: scenario.engine_count,
    enableWaveCoordination: scenario.enable_wave_coordination,
    waves: WIRE_VERSIONS[scenario.vllm_version ?? VLLM_VERSION].waves,
  });
  const sent: Sent[] = [[0, 'back', hex(encodeCoordinatorReady())]];
  const apply = ({ startWave, update }: CoordinatorEffects): void => {
    if (startWave !== null)
      sent.push([nowMs, 'back', hex(encodeEngineInput({ type: 'START_DP_WAVE', ...startWave }))]);
    if (update !== null) sent.push([nowMs, 'front', hex(encodeCoordinatorUpdate(update))]);
  };
  const events = [...scenario.events];
  let nowMs = 0;
  let dueMs = events[0]?.[0] ?? 0;
  for (let numIdle = 0; numIdle <= 3; ) {
    const timeoutMs = state.timeoutMs(nowMs);
    const event = events[0];
    if (event === undefined || dueMs > nowMs + timeoutMs) {
      if (event === undefined && ++numIdle > 3) break;
      nowMs += timeoutMs;
      sent.push([nowMs, 'front', hex(encodeCoordinatorUpdate(state.publish(nowMs)))]);
      continue;
    }
    nowMs = Math.max(nowMs, dueMs);
    events.shift();
    dueMs = nowMs + (events[0]?.[0] ?? 0);
    const [, socket, message] = event;
    if (typeof message === 'string') {
      const frames = [Buffer.from(message, 'hex')];
      const subscription = decodeSubscription(frames);
      if (socket === 'back' && subscription === true) {
        sent.push([nowMs, 'back', hex(encodeCoordinatorReady())]);
      }
      const notice = subscription === null ? decodeFrontendNotice(frames) : null;
      if (notice?.type === 'SCALE_ELASTIC_EP') state.scale(notice.newEngineCount);
      if (notice?.type === 'FIRST_REQ') apply(state.onFirstRequest(notice));
      continue;
    }
    const outputs = {
      ...(message.stats === undefined
        ? createEngineCoreOutputs({ engineIndex: message.engine_index })
        : stats(message.engine_index, message.stats)),
      startWave: message.start_wave ?? null,
      waveComplete: message.wave_complete ?? null,
    };
    apply(state.onEngineOutputs(outputs));
  }
  return sent;
}

const scenarios = ['coordinator', 'coordinator-versions'].flatMap((name) => {
  const url = new URL(`../../../golden/${name}.json`, import.meta.url);
  const golden = JSON.parse(readFileSync(url, 'utf8')) as { scenarios: readonly Scenario[] };
  return golden.scenarios;
});

describe('the coordinator against the real one over a scripted clock', () => {
  it.each(scenarios.map((scenario) => [scenario.id, scenario] as const))('%s', (_, scenario) => {
    expect(replay(scenario)).toEqual(scenario.sends);
  });
});

describe('the coordinator against the recorded live session', () => {
  const recording = JSON.parse(
    readFileSync(new URL('../../../golden/wire.json', import.meta.url), 'utf8'),
  ) as WireRecording;
  const session = recording.samples.filter((sample) =>
    sample.name.startsWith('live/real_coordinator/'),
  );

  it('sends what the real coordinator sent', () => {
    const state = new CoordinatorState({
      waves: WAVES,
      engineCount: 2,
      enableWaveCoordination: true,
    });
    let nowMs = 0;
    let toEngines: readonly string[] = hex(encodeCoordinatorReady());
    const toFrontends: (readonly string[])[] = [];
    let numCompared = 0;
    for (const sample of session) {
      if (sample.kind === 'engine->coordinator') {
        const outputs = decodeEngineCoreOutputs(sample.frames.map((f) => Buffer.from(f, 'hex')));
        if (outputs === 'ENGINE_CORE_DEAD') throw new Error('not in this session');
        const { startWave, update } = state.onEngineOutputs(outputs);
        if (startWave !== null)
          toEngines = hex(encodeEngineInput({ type: 'START_DP_WAVE', ...startWave }));
        if (update !== null) toFrontends.push(hex(encodeCoordinatorUpdate(update)));
        continue;
      }
      if (sample.kind === 'coordinator->frontend') {
        if (toFrontends.length === 0) {
          nowMs += state.timeoutMs(nowMs);
          toFrontends.push(hex(encodeCoordinatorUpdate(state.publish(nowMs))));
        }
        expect([sample.name, toFrontends.shift()]).toEqual([sample.name, sample.frames]);
      } else expect([sample.name, toEngines]).toEqual([sample.name, sample.frames]);
      numCompared++;
    }
    expect(toFrontends).toEqual([]);
    expect(numCompared).toBeGreaterThan(10);
  });
});

describe('the coordinator', () => {
  it('publishes changed counts after 100 ms and unchanged ones after 5 s', () => {
    const state = new CoordinatorState({
      waves: WAVES,
      engineCount: 2,
      enableWaveCoordination: false,
    });
    expect(state.timeoutMs(0)).toBe(0);
    state.publish(0);
    expect(state.timeoutMs(0)).toBe(5_000);
    state.onEngineOutputs(stats(1, [3, 2, 0.5, 0, 0]));
    expect(state.timeoutMs(30)).toBe(70);
    expect(state.publish(100)).toEqual({
      counts: [
        [0, 0, 0],
        [3, 2, 0.5],
      ],
      currentWave: 0,
      enginesRunning: false,
    });
    expect(state.timeoutMs(200)).toBe(4_900);
  });

  it('ignores waves where the model has none', () => {
    const state = new CoordinatorState({
      waves: WAVES,
      engineCount: 2,
      enableWaveCoordination: false,
    });
    const effects = state.onEngineOutputs(createEngineCoreOutputs({ startWave: 3 }));
    expect(effects).toEqual({ startWave: null, update: null, warning: null });
    expect(state.publish(0).currentWave).toBe(0);
  });

  it('says so when an engine sends request outputs to it', () => {
    const state = new CoordinatorState({
      waves: WAVES,
      engineCount: 1,
      enableWaveCoordination: true,
    });
    const effects = state.onEngineOutputs(
      createEngineCoreOutputs({ utilityOutput: { callId: 1, failureMessage: null, result: null } }),
    );
    expect(effects.warning).toMatch(/engine 0/);
  });

  it('takes no first request from a frontend where engines tell of it', () => {
    const state = new CoordinatorState({
      waves: WAVES,
      engineCount: 2,
      enableWaveCoordination: true,
    });
    const engineIdentity = Uint8Array.of(1, 0);
    expect(() => state.onFirstRequest({ type: 'FIRST_REQ', engineIdentity, wave: 0 })).toThrow(
      'engines tell of first requests',
    );
  });
});
