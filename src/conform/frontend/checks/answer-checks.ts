/** What comes of an engine's outputs at the client: text, finish reasons, logprobs, and aborts of what nobody waits for. */

import type { Sample } from '../../../shared/exposition.ts';
import { createEngineCoreOutput, createSchedulerStats } from '../../../shared/protocol/defaults.ts';
import { FINISH_REASON_STRINGS, FinishReason } from '../../../shared/protocol/outputs.ts';
import {
  answerWhole,
  firstOutput,
  nextOutput,
  numTokensOf,
  socketFor,
  tokensFor,
} from '../answer-request.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import { brief, type FrontendRun } from '../frontend-run.ts';
import type { Completion } from '../http-side.ts';
import type { ReceivedAdd } from '../scripted-engine.ts';

const PROCESSOR = 'vllm/v1/engine/output_processor.py OutputProcessor.process_outputs';
const FINISH = 'vllm/v1/engine/__init__.py FinishReason';

/** For the first token to reach a client that then leaves. */
const STREAMED_MS = 100;

interface Finished {
  readonly completion: Completion;
  readonly add: ReceivedAdd;
}

/** Ends a request of its own by each reason, with a scrape before and after where there is one. */
export function finishAll(run: FrontendRun) {
  return run.once('finishes', async () => {
    const scrape = async (): Promise<readonly Sample[]> =>
      (run.options.metricsUrl ?? null) === null ? [] : await run.scrape();
    const before = await scrape();
    const finished: Finished[] = [];
    for (const reason of Object.values(FinishReason)) {
      const { add, completion } = await run.askHeld({ max_tokens: 2 });
      run.close(add);
      answerWhole(add, reason);
      finished.push({ completion: await completion, add });
    }
    return { before, finished };
  });
}

function finishCheck(reason: FinishReason, does: string): FrontendCheck {
  const word = FINISH_REASON_STRINGS[reason];
  return {
    id: `frontend.finish.${word}`,
    does,
    source: FINISH,
    async run(run) {
      const completion = (await finishAll(run)).finished[reason]?.completion;
      if (reason === FinishReason.ERROR) {
        const expected = 'an error answer of status 500';
        return outcome(completion?.status === 500, expected, told(completion));
      }
      const got = completion?.choices[0]?.finishReason ?? told(completion);
      return outcome(got === word, word, got);
    },
  };
}

function told(completion: Completion | undefined): string {
  return completion === undefined ? 'none' : `${completion.status} ${brief(completion.text)}`;
}

/** Whether an ABORT of the request has come, to whichever engine. */
function isAborted(run: FrontendRun, { request }: ReceivedAdd): true | null {
  const { requestId } = request;
  const has = run.engines.some(({ aborts }) =>
    aborts.some(({ requestIds }) => requestIds.includes(requestId)),
  );
  return has ? true : null;
}

/** A client that hangs up while its request runs. */
function leaving(options: {
  readonly id: string;
  readonly does: string;
  readonly body: object;
}): FrontendCheck {
  const { id, does, body } = options;
  return {
    id,
    does,
    source: 'vllm/v1/engine/async_llm.py AsyncLLM.generate',
    async run(run) {
      const client = new AbortController();
      const { add } = await run.askHeld(body, { signal: client.signal });
      add.engine.send({ outputs: [firstOutput(add, tokensFor(add, 1))] }, socketFor(add));
      // The first token is there by then, where it is streamed.
      await run.quiet(STREAMED_MS);
      client.abort();
      await run.waitFor('an ABORT after the client has left', () => isAborted(run, add));
      run.close(add);
      return outcome(true, 'an ABORT', 'an ABORT');
    },
  };
}

export const ANSWER_CHECKS: readonly FrontendCheck[] = [
  finishCheck(FinishReason.STOP, 'STOP is finish_reason "stop".'),
  finishCheck(FinishReason.LENGTH, 'LENGTH is finish_reason "length".'),
  finishCheck(FinishReason.ABORT, 'ABORT of the engine is finish_reason "abort".'),
  finishCheck(FinishReason.ERROR, 'ERROR is an error answer, and no completion.'),
  finishCheck(FinishReason.REPETITION, 'REPETITION is finish_reason "repetition".'),
  {
    id: 'frontend.answer.usage',
    does: 'usage counts the tokens that the engine sent, whatever number of messages they came in.',
    source: PROCESSOR,
    async run(run) {
      const { add, completion } = await run.askHeld({ max_tokens: 9, ignore_eos: true });
      run.close(add);
      const [first = 1, ...rest] = tokensFor(add, numTokensOf(add));
      add.engine.send({ outputs: [firstOutput(add, [first])] }, socketFor(add));
      for (const [index, token] of rest.entries()) {
        const finishReason = index === rest.length - 1 ? FinishReason.LENGTH : null;
        const outputs = [{ ...nextOutput(add, [token]), finishReason }];
        add.engine.send({ outputs }, socketFor(add));
      }
      const answer = await completion;
      const got = answer.completionTokens ?? told(answer);
      run.seen.isUsageWrong = answer.status === 200 && got !== 9;
      return compared(got, 9);
    },
  },
  {
    id: 'frontend.answer.stream',
    does: 'A streamed answer is a chunk for what came, one finish_reason, and [DONE] at its end.',
    source: 'vllm/entrypoints/openai/completion/serving.py completion_stream_generator',
    async run(run) {
      const { add, completion } = await run.askHeld({ max_tokens: 5, stream: true });
      run.close(add);
      for (const [index, token] of tokensFor(add, 5).entries()) {
        const output = index === 0 ? firstOutput(add, [token]) : nextOutput(add, [token]);
        const finishReason = index === 4 ? FinishReason.LENGTH : null;
        add.engine.send({ outputs: [{ ...output, finishReason }] }, socketFor(add));
      }
      const { status, text } = await completion;
      const lines = text.split('\n').filter((line) => line.startsWith('data:'));
      const got = {
        status,
        done: lines.at(-1)?.slice(5).trim() ?? null,
        finishes: lines.filter((line) => /"finish_reason"\s*:\s*"length"/.test(line)).length,
      };
      return compared(got, { status: 200, done: '[DONE]', finishes: 1 });
    },
  },
  {
    id: 'frontend.answer.logprobs',
    does: 'Logprobs of the engine, in frames of their own too, reach the client.',
    source: 'vllm/v1/serial_utils.py MsgpackDecoder',
    async run(run) {
      // So many that the arrays are no longer inside the message but behind it.
      const { add, completion } = await run.askHeld({ max_tokens: 80, logprobs: 2 });
      run.close(add);
      answerWhole(add);
      const answer = await completion;
      const logprobs = answer.choices[0]?.logprobs as { token_logprobs?: unknown } | null;
      const values = Array.isArray(logprobs?.token_logprobs) ? logprobs.token_logprobs : [];
      const got = { count: values.length, first: values[0] ?? null, last: values.at(-1) ?? null };
      if (answer.status !== 200) return outcome(false, 'logprobs', told(answer));
      return compared(got, { count: 80, first: -0.5, last: -0.5 });
    },
  },
  {
    id: 'frontend.stop_string.finish',
    does: 'A stop string ends the answer before it, with finish_reason "stop".',
    source: 'vllm/v1/engine/detokenizer.py BaseIncrementalDetokenizer.update',
    async run(run) {
      const { completion } = await stopAtString(run);
      const { text, finishReason } = completion.choices[0] ?? { text: '', finishReason: null };
      const isCut = finishReason === 'stop' && !text.includes('time');
      return outcome(isCut, 'a text without "time", finish_reason "stop"', told(completion));
    },
  },
  {
    id: 'frontend.stop_string.abort',
    does: 'The engine gets an ABORT of a request that a stop string ended.',
    source: 'vllm/v1/engine/async_llm.py AsyncLLM._run_output_handler',
    async run(run) {
      const { add, completion } = await stopAtString(run);
      if (completion.choices[0]?.finishReason !== 'stop')
        throw new NotApplicable('nothing was stopped, which stop_string.finish tells');
      await run.waitFor('an ABORT after a stop string', () => isAborted(run, add));
      return outcome(true, 'an ABORT', 'an ABORT');
    },
  },
  leaving({
    id: 'frontend.abort.disconnect',
    does: 'The engine gets an ABORT of a request whose client has left its stream.',
    body: { max_tokens: 900, stream: true },
  }),
  leaving({
    id: 'frontend.abort.unanswered',
    does: 'The engine gets an ABORT of a request whose client has left before it was answered.',
    body: { max_tokens: 901 },
  }),
  {
    id: 'frontend.abort.form',
    does: 'ABORT is the byte 01 and an array of ids of requests that this engine has.',
    source: 'vllm/v1/engine/core_client.py AsyncMPClient.abort_requests_async',
    run(run) {
      const aborts = run.engines.flatMap((engine) => {
        const own = new Set(engine.adds.map(({ request }) => request.requestId));
        return engine.aborts.map(({ requestIds, problem }) => ({
          problem,
          unknown: requestIds.find((id) => !own.has(id)),
        }));
      });
      if (aborts.length === 0) throw new NotApplicable('no ABORT came');
      const bad = aborts.find(({ problem, unknown }) => problem !== null || unknown !== undefined);
      const got = bad === undefined ? 'no fault in any' : (bad.problem ?? `id ${bad.unknown}`);
      return outcome(bad === undefined, 'no fault in any', got);
    },
  },
  {
    id: 'frontend.utility.form',
    does: 'UTILITY is [client_index, call_id, method, arguments], with call ids of up to 64 bits.',
    source: 'vllm/v1/engine/core_client.py AsyncMPClient._call_utility_async',
    async run(run) {
      // Some frontends ask nothing at their start; this one asks every engine where it is offered.
      if (run.hasHttp && run.seen.endedBy === null)
        await run.http.get('/is_sleeping', run.budget());
      const calls = run.engines.flatMap((engine) => engine.calls);
      if (calls.length === 0) throw new NotApplicable('no UTILITY came');
      const problem = calls.find((call) => call.problem !== null)?.problem;
      return outcome(problem === undefined, 'no fault in any', problem ?? 'no fault in any');
    },
  },
];

/** A request for whose text the prompt's own words are said again, until a word that it stops at. */
function stopAtString(run: FrontendRun) {
  return run.once('stop-string', async () => {
    const body = { prompt: 'Once upon a time there was', stop: ['time'], max_tokens: 60 };
    const { add, completion } = await run.askHeld({ ...body, ignore_eos: true });
    run.close(add);
    const tokens = tokensFor(add, 40);
    const schedulerStats = createSchedulerStats({ numRunningReqs: 1 });
    add.engine.send({ outputs: [firstOutput(add, tokens)], schedulerStats }, socketFor(add));
    // A frontend that stops nothing gets its end all the same, so that it answers; one that does has time to say so.
    const answered = completion.then(() => true);
    const isAnswered = await Promise.race([answered, run.quiet(run.answerMs).then(() => false)]);
    const untilMs = run.options.clock.monotonicMs() + run.answerMs;
    while (isAnswered && isAborted(run, add) === null && run.options.clock.monotonicMs() < untilMs)
      await run.quiet(10);
    const end = createEngineCoreOutput({
      requestId: add.request.requestId,
      finishReason: FinishReason.ABORT,
    });
    const outputs = isAborted(run, add) === null ? [end] : [];
    add.engine.send({ outputs, schedulerStats: createSchedulerStats() }, socketFor(add));
    return { add, completion: await completion };
  });
}
