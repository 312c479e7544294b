import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineInquiry } from '../../../../src/frontend/twin/engine-inquiry.ts';
import {
  FrameGathering,
  SOURCE_TIMEOUT_MS,
} from '../../../../src/frontend/twin/frame-gathering.ts';
import { MergedStream } from '../../../../src/frontend/twin/merged-stream.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import type { ProcessFrames } from '../../../../src/shared/tap/process-frames.ts';
import type { RawFrame } from '../../../../src/shared/tap/raw-frame.ts';

function frame(seq: number, monotonicMs: number): RawFrame {
  return {
    seq,
    monotonic_ms: monotonicMs,
    socket: 'output',
    socket_type: 'PUSH',
    address: 'ipc:///x',
    direction: 'send',
    peer: null,
    type: 'OUTPUTS',
    identity: null,
    parts: ['AQ=='],
  };
}

/** A process that has these frames and tells at most `perAnswer` of them at a time. */
function processOf(process: string, clock: VirtualClock, frames: RawFrame[], perAnswer = 1_000) {
  return async (sinceSeq: (name: string) => number): Promise<ProcessFrames> => ({
    process,
    monotonicMs: clock.monotonicMs(),
    frames: frames.filter(({ seq }) => seq > sinceSeq(process)).slice(0, perAnswer),
  });
}

function gatheringOf(options: {
  clock: VirtualClock;
  sources?: ConstructorParameters<typeof FrameGathering>[0]['sources'];
  engines?: Readonly<Record<number, (args: readonly unknown[]) => Promise<unknown>>>;
}) {
  const { clock, sources = [], engines = {} } = options;
  const stream = new MergedStream();
  const inquiry = new EngineInquiry(async (rank, _method, args) => engines[rank]!(args), clock);
  const ranks = () => Object.keys(engines).map(Number);
  const gathering = new FrameGathering({ stream, inquiry, clock, sources, ranks });
  return { stream, gathering };
}

describe('gathering frames', () => {
  it('brings those of all processes into one order of time', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const { stream, gathering } = gatheringOf({
      clock,
      sources: [processOf('APIServer', clock, [frame(1, 10), frame(2, 40)])],
      engines: {
        1: async ([since]) => ({
          process: 'EngineCore_DP1',
          wall_ms: clock.wallMs(),
          monotonic_ms: clock.monotonicMs(),
          frames: [frame(1, 20), frame(2, 30)].filter(({ seq }) => seq > Number(since)),
        }),
      },
    });
    await gathering.look();
    gathering.close();
    expect(stream.since(0, 10).map(({ process, tMs }) => [process, tMs])).toEqual([
      ['APIServer', 0],
      ['EngineCore_DP1', 10],
      ['EngineCore_DP1', 20],
      ['APIServer', 30],
    ]);
  });

  it('asks a process again that has more to tell than fits into an answer', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const frames = Array.from({ length: 25 }, (_, i) => frame(i + 1, i));
    const { stream, gathering } = gatheringOf({
      clock,
      sources: [processOf('APIServer', clock, frames, 10), processOf('b', clock, [frame(1, 12.5)])],
    });
    await gathering.look();
    gathering.close();
    expect(stream.lastN).toBe(26);
    expect(stream.since(0, 30).findIndex(({ process }) => process === 'b')).toBe(13);
  });

  it('leaves what happened since it began for the next time: others may not have told of it yet', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const { stream, gathering } = gatheringOf({
      clock,
      sources: [processOf('a', clock, [frame(1, 90), frame(2, 110)])],
    });
    await gathering.look();
    expect(stream.lastN).toBe(1);
    clock.advance(50);
    await gathering.look();
    gathering.close();
    expect(stream.lastN).toBe(2);
  });

  it('goes without a process that is silent or fails', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const { stream, gathering } = gatheringOf({
      clock,
      sources: [
        async () => null,
        async () => {
          throw new Error('gone');
        },
        processOf('a', clock, [frame(1, 1)]),
      ],
      engines: {
        0: async () => {
          throw new Error("'EngineCoreProc' object has no attribute 'vllm_twin_frames'");
        },
      },
    });
    await gathering.look();
    gathering.close();
    expect(stream.since(0, 10).map(({ process }) => process)).toEqual(['a']);
  });

  it('asks nobody before somebody looks, nor after it was closed', async () => {
    const clock = new VirtualClock();
    let numAsked = 0;
    const source = async (): Promise<null> => {
      numAsked += 1;
      return null;
    };
    const { gathering } = gatheringOf({ clock, sources: [source] });
    expect(numAsked).toBe(0);
    await gathering.look();
    expect(numAsked).toBe(1);
    gathering.close();
    await gathering.look();
    expect(numAsked).toBe(1);
  });
});

describe('a process that is interrupted while it reads its clocks', () => {
  it('puts nothing before what led to it', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    // Every reading of the wall clock comes later than that of the monotonic one before it, and later each time.
    let delayMs = 0;
    const interrupted = {
      monotonicMs: () => clock.monotonicMs(),
      wallMs: () => {
        delayMs += 10;
        return clock.wallMs() + delayMs;
      },
    };
    const stream = new MergedStream();
    const gathering = new FrameGathering({
      stream,
      inquiry: new EngineInquiry(async () => null, interrupted),
      clock: interrupted,
      sources: [
        processOf('sends later', clock, [frame(1, 20)]),
        processOf('sends first', clock, [frame(1, 15)]),
      ],
      ranks: () => [],
    });
    await gathering.look();
    gathering.close();
    expect(stream.since(0, 10).map(({ process, tMs }) => [process, tMs])).toEqual([
      ['sends first', 0],
      ['sends later', 5],
    ]);
  });
});

describe('a process that hangs', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is waited for once, and asked again when it has answered', async () => {
    vi.useFakeTimers();
    const clock = new VirtualClock({ startMs: 100 });
    const told = processOf('ApiServer_0', clock, [frame(1, 1), frame(2, 2)]);
    let numAsked = 0;
    let goOn = (): void => {};
    const { stream, gathering } = gatheringOf({
      clock,
      sources: [
        async (sinceSeq) => {
          numAsked += 1;
          if (numAsked === 1)
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
          return told(sinceSeq);
        },
        processOf('APIServer', clock, [frame(1, 1)]),
      ],
    });
    const first = gathering.look();
    await vi.advanceTimersByTimeAsync(SOURCE_TIMEOUT_MS);
    await first;
    expect(stream.since(0, 9).map(({ process }) => process)).toEqual(['APIServer']);
    await gathering.look();
    expect(numAsked).toBe(1);
    goOn();
    await vi.advanceTimersByTimeAsync(0);
    await gathering.look();
    gathering.close();
    expect(stream.since(0, 9).map(({ process }) => process)).toEqual([
      'APIServer',
      'ApiServer_0',
      'ApiServer_0',
    ]);
  });
});
