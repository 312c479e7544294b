import { readFileSync } from 'node:fs';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../../../../src/shared/protocol/versions/wire-versions.ts';
import { ProtocolCheck } from '../../../../../src/shared/tap/check/protocol-check.ts';
import { CHECK_RULES, type RuleId } from '../../../../../src/shared/tap/check/rules.ts';
import type { RawFrame } from '../../../../../src/shared/tap/raw-frame.ts';
import { type GoldenFrame, goldenFrames } from '../../../../support/golden-frames.ts';

type Change = (frames: readonly GoldenFrame[]) => readonly GoldenFrame[];
type Message = Record<string, unknown>;

const packr = new Packr({ useRecords: false });

/** The recording with each process's frames counted from 1 again. */
function renumbered(frames: readonly GoldenFrame[]): readonly GoldenFrame[] {
  const seqs = new Map<string, number>();
  return frames.map((golden) => {
    const seq = (seqs.get(golden.process) ?? 0) + 1;
    seqs.set(golden.process, seq);
    return { ...golden, frame: { ...golden.frame, seq } };
  });
}

function check(frames: readonly GoldenFrame[]) {
  const checker = new ProtocolCheck(WIRE_VERSIONS['0.33.0']);
  for (const { frame, process } of frames) checker.add(frame, { process });
  return checker.verdict();
}

const is =
  (type: string, peer = 0) =>
  ({ frame }: GoldenFrame) =>
    frame.type === type && frame.peer === peer;

/** The first frame that fits, changed. */
function edit(
  fits: (golden: GoldenFrame) => boolean,
  change: (frame: RawFrame) => RawFrame,
): Change {
  return (frames) => {
    const at = frames.findIndex(fits);
    expect(at).toBeGreaterThanOrEqual(0);
    return frames.map((golden, index) =>
      index === at ? { ...golden, frame: change(golden.frame) } : golden,
    );
  };
}

function editBytes(
  fits: (golden: GoldenFrame) => boolean,
  change: (parts: readonly Buffer[]) => readonly Uint8Array[],
): Change {
  return edit(fits, (frame) => ({
    ...frame,
    parts: change(frame.parts.map((part) => Buffer.from(part, 'base64'))).map((part) =>
      Buffer.from(part).toString('base64'),
    ),
  }));
}

function editMap(
  fits: (golden: GoldenFrame) => boolean,
  change: (message: Message) => void,
): Change {
  return editBytes(fits, ([part = Buffer.alloc(0), ...rest]) => {
    const message = packr.unpack(part) as Message;
    change(message);
    return [packr.pack(message), ...rest];
  });
}

const twice =
  (fits: (golden: GoldenFrame) => boolean): Change =>
  (frames) => {
    const found = frames.find(fits);
    if (found === undefined) throw new Error('no such frame');
    const at = frames.indexOf(found);
    return [...frames.slice(0, at + 1), found, ...frames.slice(at + 1)];
  };

const without =
  (fits: (golden: GoldenFrame) => boolean): Change =>
  (frames) => {
    const at = frames.findIndex(fits);
    return frames.filter((_, index) => index !== at);
  };

const swapped =
  (a: (golden: GoldenFrame) => boolean, b: (golden: GoldenFrame) => boolean): Change =>
  (frames) => {
    const [i, j] = [frames.findIndex(a), frames.findIndex(b)];
    return frames.map((golden, index) => {
      if (index === i) return frames[j] ?? golden;
      return index === j ? (frames[i] ?? golden) : golden;
    });
  };

const finished = ({ name }: GoldenFrame): boolean => name === 'live/dp1/007/OUTPUT';
const answer = ({ frame, name }: GoldenFrame): boolean =>
  frame.type === 'OUTPUTS' && name === 'live/dp1/035/OUTPUT';

/** Each rule with a run and what breaks it. */
const BROKEN: Readonly<Record<RuleId, readonly [run: string, change: Change]>> = {
  'message.unknown': [
    'dp1',
    edit(is('ABORT'), (frame) => ({ ...frame, type: 'UNKNOWN', parts: ['fw=='] })),
  ],
  'message.unreadable': ['dp1', editBytes(is('INIT'), () => [Buffer.from([0xc1])])],
  'message.trailing': [
    'dp1',
    editBytes(is('INIT'), ([part = Buffer.alloc(0)]) => [
      Buffer.concat([part, Buffer.from([0xc0])]),
    ]),
  ],
  'message.parts': ['dp1', editBytes(is('HELLO'), (parts) => [...parts, Buffer.from([0xc0])])],
  'field.missing': ['dp1', editMap(is('HELLO'), (message) => delete message['headless'])],
  'field.unknown': [
    'dp1',
    editMap(is('EngineCoreReadyResponse'), (message) => {
      message['num_cpu_blocks'] = 3;
    }),
  ],
  'field.type': [
    'dp1',
    editMap(is('EngineCoreReadyResponse'), (message) => {
      message['num_gpu_blocks'] = '33';
    }),
  ],
  'field.twice': [
    'dp1',
    editBytes(is('HELLO'), ([part = Buffer.alloc(0)]) => [
      Buffer.concat([
        Buffer.from([0x84]),
        part.subarray(1),
        packr.pack('status'),
        packr.pack('HELLO'),
      ]),
    ]),
  ],
  'handshake.hello': ['dp1', twice(is('HELLO'))],
  'handshake.init': ['dp1', twice(is('INIT'))],
  'handshake.ready': ['dp1', swapped(is('INIT'), is('READY'))],
  'handshake.flags': [
    'dp1',
    editMap(is('READY'), (message) => {
      message['headless'] = false;
    }),
  ],
  'handshake.headless': [
    'dp1',
    editMap(is('HELLO'), (message) => {
      message['local'] = true;
    }),
  ],
  'handshake.identity': ['dp1', edit(is('HELLO'), (frame) => ({ ...frame, identity: '00000000' }))],
  'handshake.rank': [
    'dp2_moe',
    (frames) =>
      frames.map((golden) =>
        golden.frame.type === 'INIT' && golden.frame.peer === 1
          ? { ...golden, frame: { ...golden.frame, peer: 2 as never } }
          : golden,
      ),
  ],
  'handshake.addresses': [
    'dp2_moe',
    editMap(is('INIT'), (message) => {
      (message['addresses'] as Message)['coordinator_input'] = null;
    }),
  ],
  'handshake.config-hash': [
    'dp2_moe',
    editMap(is('READY', 1), (message) => {
      message['parallel_config_hash'] = 'f'.repeat(64);
    }),
  ],
  'handshake.unfinished': ['dp1', (frames) => frames.slice(0, 2)],
  'ready.order': [
    'dp1',
    (frames) => {
      const [hello, init, ready, response, ...rest] = frames;
      return [hello, response, init, ready, ...rest].filter((golden) => golden !== undefined);
    },
  ],
  'ready.once': ['dp1', twice(is('EngineCoreReadyResponse'))],
  'ready.rank': [
    'dp2',
    editMap(is('EngineCoreReadyResponse', 1), (message) => {
      message['data_parallel_rank'] = 0;
    }),
  ],
  'ready.version': [
    'dp1',
    editMap(is('EngineCoreReadyResponse'), (message) => {
      message['vllm_version'] = '0.32.0';
    }),
  ],
  'request.early': ['dp1', without(is('EngineCoreReadyResponse'))],
  'request.before-ready': ['dp1', without(is('READY'))],
  'request.twice': ['dp1', twice(is('ADD'))],
  'request.client': [
    'dp1',
    editMap(is('INIT'), (message) => {
      (message['addresses'] as Message)['outputs'] = [];
    }),
  ],
  'outputs.engine': [
    'dp2',
    (frames) =>
      frames.map((golden) =>
        golden.frame.type === 'OUTPUTS' && golden.frame.peer === 1
          ? { ...golden, process: 'EngineCore_DP0' }
          : golden,
      ),
  ],
  'outputs.request': ['dp1', without(is('ADD'))],
  'outputs.finished': ['dp1', twice(finished)],
  'utility.twice': ['dp1', twice(is('UTILITY'))],
  'utility.answer': ['dp1', twice(answer)],
  'wave.backwards': [
    'real_coordinator',
    (frames) => {
      const updates = frames.filter(
        ({ frame }) => frame.type === 'COUNTS' && frame.socket === 'frontend_stats_publish',
      );
      return [...updates].reverse();
    },
  ],
  'kv-events.seq': [
    'dp1',
    (frames) => {
      const events = frames.filter(({ frame }) => frame.type === 'KV_EVENT');
      return frames.filter((golden) => golden !== events[1]);
    },
  ],
  'engine.dead': [
    'dp1',
    edit(is('OUTPUTS'), (frame) => ({
      ...frame,
      type: 'ENGINE_CORE_DEAD',
      parts: [Buffer.from('ENGINE_CORE_DEAD').toString('base64')],
    })),
  ],
  'recording.gap': ['dp1', (frames) => frames],
};

describe('the rules of the protocol check', () => {
  it.each(Object.entries(BROKEN) as [RuleId, readonly [string, Change]][])(
    '%s tells what breaks it, and the verdict follows its severity',
    (rule, [run, change]) => {
      const changed = change(goldenFrames(run));
      const frames = rule === 'recording.gap' ? changed.slice(3) : renumbered(changed);
      const { verdict, problems } = check(frames);
      const found = problems.find((problem) => problem.rule === rule);
      expect(found, JSON.stringify(problems.slice(0, 5))).toBeDefined();
      expect(found?.severity).toBe(CHECK_RULES[rule].severity);
      if (found?.severity === 'error') expect(verdict).toBe('broken');
    },
  );

  it('are silent about what a recording without its beginning cannot show', () => {
    const { verdict, problems } = check(goldenFrames('dp1').slice(20));
    expect(problems.map(({ rule }) => rule)).toEqual(
      ['recording.gap', 'recording.gap'].slice(0, problems.length),
    );
    expect(verdict).toBe('ok');
  });

  it('take a process that counts from 1 again for a new one', () => {
    const frames = [...goldenFrames('dp2_moe'), ...goldenFrames('dp2_moe')];
    expect(check(frames).problems).toEqual([]);
  });

  it('judge two processes of one name each by itself, however their frames come', () => {
    const checker = new ProtocolCheck(WIRE_VERSIONS['0.33.0']);
    for (const { frame, process } of goldenFrames('dp2_moe'))
      for (const run of ['a', 'b']) checker.add(frame, { process, run: `${process} ${run}` });
    const { problems, checked } = checker.verdict();
    expect(problems).toEqual([]);
    expect(checked.processes).toEqual([...new Set(checked.processes)]);
  });

  it('let READY have what elastic expert parallelism adds to it', () => {
    const change = editMap(is('READY'), (message) => {
      message['coord_store_port'] = 1;
    });
    expect(check(change(goldenFrames('dp1'))).problems).toEqual([]);
  });

  it('count what is the same once, with its number', () => {
    const frames = renumbered(twice(is('HELLO'))(twice(is('HELLO'))(goldenFrames('dp1'))));
    const [problem] = check(frames).problems;
    expect(problem).toMatchObject({ rule: 'handshake.hello', engine: 0, seq: 2, times: 2 });
  });

  it('say nothing of nothing', () => {
    expect(check([]).verdict).toBe('nothing');
  });

  it('stand in the reference page, each with its meaning and its source', () => {
    const page = readFileSync('docs/reference/protocol-check.md', 'utf8');
    for (const [id, { meaning, source }] of Object.entries(CHECK_RULES)) {
      expect(page).toContain(`\`${id}\``);
      expect(page).toContain(meaning);
      expect(page).toContain(source);
    }
  });
});
