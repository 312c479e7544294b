/** Pausing, sleeping, and what goes on afterwards. */
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { failed, judged, notApplicable, type Outcome, passed, secondsText } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngines, generate, onAll, quiet, running } from './exchange.ts';
import type { HeardEngine } from './heard.ts';
import { readyFieldsOf } from './ready-response-checks.ts';

const PAUSE = 'vllm/v1/engine/core.py EngineCoreProc.pause_scheduler';
const SLEEP = 'vllm/v1/engine/core.py EngineCore.sleep, wake_up';

export const PAUSE_CHECKS: readonly EngineCheck[] = [
  checkOfEngines(
    'pause.abort',
    'pause_scheduler in mode abort ends what runs with finish_reason 2 (abort), and then answers.',
    PAUSE,
    async (run, engine) => {
      const id = await running(run, engine);
      return resuming(run, async () => {
        await onAll(run, 'pause_scheduler', ['abort', true]);
        await run.frontend.wait(() => run.requests.hasFinished(id), run.answerMs);
        const reason = run.requests.outputsOf(id).find(({ output }) => output.finishReason !== null)
          ?.output.finishReason;
        if (reason === FinishReason.LENGTH)
          return notApplicable('the request had ended by itself before the pause');
        return reason === FinishReason.ABORT
          ? passed('finish_reason 2')
          : failed(`finish_reason ${reason ?? 'of none of its outputs'}`);
      });
    },
  ),
  checkOfEngines(
    'pause.holds',
    'While it is paused is_scheduler_paused says true, and new requests wait; resume_scheduler lets them run.',
    `${PAUSE}, resume_scheduler`,
    holdsOutcome,
  ),
  checkOfEngines(
    'pause.keep',
    'In mode keep what runs stands still, and goes on to its end when it is resumed.',
    PAUSE,
    async (run, engine) => {
      const { requests } = run;
      await onAll(run, 'pause_scheduler', ['keep', false]);
      const id = requests.add(engine, { maxTokens: 5 });
      await quiet(run);
      const early = requests.numTokensOf(id);
      await onAll(run, 'resume_scheduler');
      await requests.finished([id], run.answerMs);
      const count = requests.numTokensOf(id);
      return judged(
        [
          ...(early === 0 ? [] : [`${early} tokens while it was paused`]),
          ...(count === 5 ? [] : [`${count} of 5 tokens in the end`]),
        ],
        '0 tokens while paused, 5 in the end',
      );
    },
  ),
  checkOfEngines(
    'pause.wait',
    'In mode wait it answers once what runs has come to its end.',
    PAUSE,
    async (run, engine) => {
      const { requests } = run;
      const id = requests.add(engine, { maxTokens: 60 });
      // What has not begun waits for the end of the pause.
      await run.frontend.wait(() => requests.numTokensOf(id) > 0, run.answerMs);
      return resuming(run, async () => {
        await onAll(run, 'pause_scheduler', ['wait', false]);
        const count = requests.numTokensOf(id);
        return count === 60 && requests.hasFinished(id)
          ? passed('60 of 60 tokens before the answer')
          : failed(`${count} of 60 tokens before the answer`);
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
