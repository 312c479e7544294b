/** Pausing, sleeping, and what goes on afterwards. */
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { failed, judged, notApplicable, type Outcome, passed, secondsText } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import {
  checkOfEngines,
  generate,
  LONG_MS,
  onAll,
  quiet,
  running,
  tokensForAWhile,
} from './exchange.ts';
import type { HeardEngine, HeardOutput } from './heard.ts';
import { readyFieldsOf } from './ready-response-checks.ts';

const PAUSE = 'vllm/v1/engine/core.py EngineCoreProc.pause_scheduler';
const SLEEP = 'vllm/v1/engine/core.py EngineCore.sleep, wake_up';

export const PAUSE_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'pause.holds',
    'While it is paused is_scheduler_paused says true, and new requests wait; resume_scheduler lets them run.',
    `${PAUSE}, resume_scheduler`,
    holdsOutcome,
  ),
  checkOfEngines(
    'pause.abort',
    'pause_scheduler in mode abort ends what runs with finish_reason 2 (abort), and then answers.',
    PAUSE,
    async (run, engine) => {
      const { requests } = run;
      const id = await running(run, engine);
      const sinceMs = run.clock.monotonicMs();
      return resuming(run, async () => {
        await onAll(run, 'pause_scheduler', ['abort', true]);
        await run.frontend.wait(() => requests.hasFinished(id), run.answerMs);
        const last = requests.outputsOf(id).find(({ output }) => output.finishReason !== null);
        const reason = last?.output.finishReason;
        if (reason === FinishReason.LENGTH) return runOnOutcome(last, sinceMs);
        return reason === FinishReason.ABORT
          ? passed('finish_reason 2')
          : failed(`finish_reason ${reason ?? 'of none of its outputs'}`);
      });
    },
  ),
  checkOfEngines(
    'pause.keep',
    'In mode keep what runs stands still, and goes on to its end when it is resumed.',
    PAUSE,
    keepOutcome,
  ),
  checkOfEngines(
    'pause.wait',
    'In mode wait it answers once what runs has come to its end.',
    PAUSE,
    async (run, engine) => {
      const { requests } = run;
      const numTokens = await tokensForAWhile(run, engine);
      const id = requests.add(engine, { maxTokens: numTokens });
      // What has not begun waits for the end of the pause.
      await run.frontend.wait(() => requests.numTokensOf(id) > 0, run.answerMs);
      return resuming(run, async () => {
        await onAll(run, 'pause_scheduler', ['wait', false]);
        const count = requests.numTokensOf(id);
        const got = `${count} of ${numTokens} tokens before the answer`;
        return requests.isOver(id) ? passed(got) : failed(got);
      });
    },
  ),
  checkOfEngines(
    'sleep.scheduling',
    'sleep of level 0 pauses scheduling, is_sleeping says true; wake_up of scheduling ends it.',
    SLEEP,
    (run, engine) => sleepOutcome(run, engine, 0, ['scheduling']),
  ),
  checkOfEngines(
    'sleep.memory',
    'With enable_sleep_mode sleep of level 1 frees memory, is_sleeping says true; after wake_up requests run again.',
    SLEEP,
    (run, engine) => {
      const [greeting] = run.frontend.greetings;
      const values = greeting === undefined ? new Map() : readyFieldsOf(run, greeting).values;
      return values.get('enable_sleep_mode') === true
        ? sleepOutcome(run, engine, 1, null)
        : notApplicable('the engine was started without --enable-sleep-mode');
    },
  ),
];

/** Whatever comes out, the engines run afterwards. */
async function resuming(run: EngineRun, check: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await check();
  } finally {
    await onAll(run, 'resume_scheduler').catch(() => {});
  }
}

/** Of a request that was to be stopped and has come to its end: only where that took a while it is the engine's doing. */
function runOnOutcome(last: HeardOutput | undefined, sinceMs: number): Outcome {
  const ranOnMs = (last?.heard.atMs ?? sinceMs) - sinceMs;
  return ranOnMs < LONG_MS / 4
    ? notApplicable('the request had ended by itself before the pause')
    : failed(`the request ran on to its end, ${secondsText(ranOnMs)} behind the call`);
}

async function keepOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { requests, frontend } = run;
  const id = await running(run, engine);
  const sinceMs = run.clock.monotonicMs();
  return resuming(run, async () => {
    await onAll(run, 'pause_scheduler', ['keep', false]);
    const waiting = requests.add(engine, { maxTokens: 5 });
    // What was under way at the answer.
    await frontend.wait(() => false, run.quietMs);
    if (requests.isOver(id)) return runOnOutcome(requests.outputsOf(id).at(-1), sinceMs);
    const before = requests.numTokensOf(id);
    await frontend.wait(() => false, run.quietMs);
    const early = requests.numTokensOf(id) - before + requests.numTokensOf(waiting);
    await onAll(run, 'resume_scheduler');
    const haveEnded = await requests.finished([id, waiting], 2 * run.answerMs);
    return judged(
      [
        ...(early === 0 ? [] : [`${early} tokens while it was paused`]),
        ...(haveEnded
          ? []
          : [`${requests.numTokensOf(id)} and ${requests.numTokensOf(waiting)} tokens in the end`]),
      ],
      '0 tokens while paused, all in the end',
    );
  });
}

async function holdsOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { requests } = run;
  await onAll(run, 'pause_scheduler', ['abort', false]);
  const said = await onAll(run, 'is_scheduler_paused');
  const id = requests.add(engine, { maxTokens: 2 });
  await quiet(run);
  const early = requests.outputsOf(id).length;
  await onAll(run, 'resume_scheduler');
  const hasEnded = await requests.finished([id], run.answerMs);
  const after = await onAll(run, 'is_scheduler_paused');
  return judged(
    [
      ...(said.every((value) => value === true) ? [] : [`is_scheduler_paused ${said.join(', ')}`]),
      ...(early === 0 ? [] : ['a request was served while it was paused']),
      ...(hasEnded
        ? []
        : [
            `nothing within ${secondsText(run.answerMs)} of resume_scheduler: the request waits on`,
          ]),
      ...(after.includes(true) ? [`is_scheduler_paused ${after.join(', ')} afterwards`] : []),
    ],
    'a request waited, and ran',
  );
}

async function sleepOutcome(
  run: EngineRun,
  engine: HeardEngine,
  level: number,
  tags: readonly string[] | null,
): Promise<Outcome> {
  if ((await onAll(run, 'is_sleeping')).includes(true))
    return notApplicable('is_sleeping says true before, which utility.result tells');
  await onAll(run, 'sleep', [level, 'abort']);
  const asleep = await onAll(run, 'is_sleeping');
  await onAll(run, 'wake_up', [tags]);
  const awake = await onAll(run, 'is_sleeping');
  const outputs = await generate(run, engine, { maxTokens: 2 });
  return judged(
    [
      ...(asleep.every((value) => value === true)
        ? []
        : [`is_sleeping ${asleep.join(', ')} after sleep`]),
      ...(awake.includes(true) ? [`is_sleeping ${awake.join(', ')} after wake_up`] : []),
    ],
    `asleep, awake, and a request in ${outputs.length} messages`,
  );
}
