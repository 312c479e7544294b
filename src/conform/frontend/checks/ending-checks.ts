/**
 * What costs a frontend of vLLM everything, last: it may survive it or end in order, with errors to its clients. It may not hang,
 * and not answer with what nobody said.
 */
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../../../shared/protocol/defaults.ts';
import { FinishReason } from '../../../shared/protocol/outputs.ts';
import type { Frame } from '../../../shared/transport/transport.ts';
import { answerWhole, firstOutput, nextOutput, socketFor, tokensFor } from '../answer-request.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { Ending } from '../frontend-options.ts';
import { brief, type FrontendRun } from '../frontend-run.ts';
import type { ReceivedAdd } from '../scripted-engine.ts';

const CLIENT = 'vllm/v1/engine/core_client.py AsyncMPClient._ensure_output_queue_task';
/** For the frontend to notice that a connection is lost. */
const GONE_MS = 250;

/** Only one ending is sure to be seen in a run: others run where it was not asked for one. */
function needEnding(run: FrontendRun, own: Ending): void {
  const { ending = null } = run.options;
  if (ending !== null && ending !== own) {
    throw new NotApplicable(`the run was asked to end with ${ending}`);
  }
}

function oddAtTheEnd(options: {
  readonly id: string;
  readonly does: string;
  readonly source: string;
  readonly ending: Ending;
  /** vLLM does not survive it either. */
  readonly mayEnd: boolean;
  readonly numTokens: number;
  readonly odd: (add: ReceivedAdd, run: FrontendRun) => void;
}): FrontendCheck {
  const { id, does, source, ending, mayEnd, numTokens, odd } = options;
  return {
    id,
    does,
    source,
    async run(run) {
      run.needHttp();
      needEnding(run, ending);
      const { add, completion } = await run.askHeld({ max_tokens: numTokens, ignore_eos: true });
      run.close(add);
      const [first = 1, ...rest] = tokensFor(add, numTokens);
      add.engine.send({ outputs: [firstOutput(add, [first])] }, socketFor(add));
      odd(add, run);
      await run.quiet(30);
      const last = { ...nextOutput(add, rest), finishReason: FinishReason.LENGTH };
      add.engine.send({ outputs: [last] }, socketFor(add));
      const answer = await completion;
      const { status, text } = answer;
      const expected = `${numTokens} tokens${mayEnd ? ', or status 500 and the end' : ''}`;
      if (status === 200) {
        const count = run.tokensOf(answer, numTokens);
        return outcome(count === numTokens, expected, `${count} tokens`);
      }
      run.seen.endedBy = id;
      const isOver = status >= 500 && (await isIll(run));
      return outcome(mayEnd && isOver, expected, `${status} ${brief(text)}`);
    },
  };
}

/** Whether /health stops saying 200, or nobody answers any more. */
async function isIll(run: FrontendRun): Promise<boolean> {
  const end = run.options.clock.monotonicMs() + run.budget();
  while (run.options.clock.monotonicMs() < end) {
    if ((await run.http.get('/health', run.budget(500))).status !== 200) return true;
    await run.quiet(25);
  }
  return false;
}

/** The frame of EngineCoreOutputs with one more field behind its last, as a newer version has it. */
function withMoreFields(frames: readonly Frame[]): readonly Frame[] {
  return frames.map((frame, index) => {
    if (index > 0) return frame;
    const [code = 0] = frame;
    return Buffer.concat([Buffer.of(code + 1), frame.subarray(1), Buffer.of(0xc0)]);
  });
}

export const ENDING_CHECKS: readonly FrontendCheck[] = [
  oddAtTheEnd({
    id: 'frontend.outputs.empty',
    does: 'A message without outputs and statistics is nothing.',
    source: CLIENT,
    ending: 'empty',
    mayEnd: false,
    numTokens: 50,
    odd({ engine }) {
      engine.send({});
      engine.send({ finishedRequests: [] });
    },
  }),
  oddAtTheEnd({
    id: 'frontend.outputs.more_fields',
    does: 'Fields behind the last that this version knows are ignored, as msgspec ignores them.',
    source: 'vllm/v1/engine/__init__.py EngineCoreOutputs',
    ending: 'more-fields',
    mayEnd: false,
    numTokens: 49,
    odd({ engine }, { codec }) {
      const engineIndex = engine.rank;
      const outputs = { engineIndex, schedulerStats: createSchedulerStats() };
      const frames = codec.encodeEngineCoreOutputs(createEngineCoreOutputs(outputs));
      engine.sendFrames(withMoreFields(frames));
    },
  }),
  oddAtTheEnd({
    id: 'frontend.outputs.unknown_engine',
    does: 'Outputs of an engine that does not exist cost their message, or end the frontend as they end vLLM.',
    source: 'vllm/v1/metrics/loggers.py PrometheusStatLogger.record',
    ending: 'unknown-engine',
    mayEnd: true,
    numTokens: 51,
    odd({ engine }, { engines }) {
      const output = createEngineCoreOutput({ requestId: 'conform-nobodys', newTokenIds: [1] });
      engine.send({ engineIndex: engines.length + 5, outputs: [output] });
    },
  }),
  oddAtTheEnd({
    id: 'frontend.utility.unknown_call',
    does: 'An answer to a call that nobody made costs its message, or ends the frontend as it ends vLLM.',
    source: 'vllm/v1/engine/core_client.py _process_utility_output',
    ending: 'unknown-call',
    mayEnd: true,
    numTokens: 52,
    odd({ engine }) {
      const callId = 0x1234_5678_9abc_def0n;
      engine.send({ utilityOutput: { callId, failureMessage: null, result: null } });
    },
  }),
  oddAtTheEnd({
    id: 'frontend.outputs.garbage',
    does: 'A frame that is no message costs that message, or ends the frontend as it ends vLLM.',
    source: CLIENT,
    ending: 'garbage',
    mayEnd: true,
    numTokens: 53,
    odd({ engine }) {
      engine.sendFrames([Buffer.from('no msgpack at all')]);
    },
  }),
  {
    id: 'frontend.gone.others',
    does: 'An engine that is gone without a word is not missed: requests of the others go on.',
    source: 'vllm/v1/engine/core_client.py MPClient.start_engine_core_monitor',
    async run(run) {
      run.needHttp();
      run.needSeveralEngines();
      needEnding(run, 'gone');
      if (!(await obeysRank(run)))
        throw new NotApplicable('X-data-parallel-rank is not obeyed: no engine can be left out');
      const headers = { 'x-data-parallel-rank': '0' };
      const { add, completion } = await run.askHeld({ max_tokens: 54 }, { headers });
      run.close(add);
      await run.leave(run.engines.length - 1);
      await run.quiet(GONE_MS);
      answerWhole(add);
      const before = await completion;
      const next = await run.ask({ max_tokens: 54 }, { headers });
      run.close(next.add);
      answerWhole(next.add);
      const after = await next.completion;
      return compared([before.status, after.status], [200, 200]);
    },
  },
  {
    id: 'frontend.dead.running',
    does: 'ENGINE_CORE_DEAD of one engine ends what runs on every engine, with status 500.',
    source: 'vllm/v1/engine/core_client.py BackgroundResources.validate_alive',
    async run(run) {
      run.needHttp();
      needEnding(run, 'dead');
      const { completion } = await dying(run);
      return compared((await completion).status, 500);
    },
  },
  {
    id: 'frontend.dead.health',
    does: 'After ENGINE_CORE_DEAD /health says 503, or the frontend is gone.',
    source: 'vllm/entrypoints/serve/instrumentator/health.py health',
    async run(run) {
      run.needHttp();
      needEnding(run, 'dead');
      await dying(run);
      const isOver = await isIll(run);
      return outcome(isOver, '503, or nobody', isOver ? '503, or nobody' : '200');
    },
  },
  {
    id: 'frontend.dead.new_requests',
    does: 'After ENGINE_CORE_DEAD no engine gets a request, and clients get an error.',
    source: 'vllm/v1/engine/core_client.py MPClient.ensure_alive',
    async run(run) {
      run.needHttp();
      needEnding(run, 'dead');
      await dying(run);
      const before = run.adds.length;
      const { status } = await run.http.complete({ max_tokens: 61 }, { timeoutMs: run.budget() });
      const adds = run.adds.length - before;
      const isRefused = adds === 0 && (status === 0 || status >= 500);
      return outcome(isRefused, 'no ADD, and status 500 or nobody', { adds, status });
    },
  },
];

/** Whether requests can be sent to an engine of choice; by chance the second would be on another one. */
async function obeysRank(run: FrontendRun): Promise<boolean> {
  const headers = { 'x-data-parallel-rank': '0' };
  for (let i = 0; i < 2; i++) {
    const { add, completion } = await run.ask({ max_tokens: 1 }, { headers });
    await completion;
    if (add.engine.rank !== 0) return false;
  }
  return true;
}

/** An engine dies while a request runs on another, where there is another. */
function dying(run: FrontendRun) {
  return run.once('dying', async () => {
    const [first] = run.present;
    const headers = run.engines.length > 1 ? { 'x-data-parallel-rank': `${first?.rank}` } : {};
    const { completion } = await run.askHeld({ max_tokens: 62, ignore_eos: true }, { headers });
    run.present.at(-1)?.die();
    await Promise.race([completion, run.quiet(run.answerMs)]);
    return { completion };
  });
}
