/** What no engine should have to bear, and how it ends: last, because an engine may not be there afterwards. */

import { createEngineCoreRequest } from '../../shared/protocol/defaults.ts';
import { FinishReason } from '../../shared/protocol/outputs.ts';
import { EngineCoreRequestType } from '../../shared/protocol/request.ts';
import { createDissector } from '../../shared/tap/dissector.ts';
import { toRawFrame } from '../../shared/tap/raw-frame.ts';
import { failed, judged, notApplicable, type Outcome, passed, secondsText } from '../run-checks.ts';
import { type EngineCheck, type EngineRun, engineCheck } from './engine-check.ts';
import { checkOfEngine, generate, running, tokensForAWhile } from './exchange.ts';
import type { HeardEngine } from './heard.ts';

const INPUT = 'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets';
const DEAD = 'vllm/v1/engine/core.py EngineCoreProc._send_engine_dead';
const NIL = Uint8Array.of(0xc0);

export const ODD_CHECKS: readonly EngineCheck[] = [
  checkOfEngine(
    'odd.no-params',
    'A request with neither sampling_params nor pooling_params ends with finish_reason 3 (error); the engine goes on.',
    'vllm/v1/engine/core.py EngineCoreProc._handle_request_preproc_error',
    async (run, engine) => {
      const { requests, frontend } = run;
      const requestId = 'conform-no-params';
      const request = createEngineCoreRequest({ requestId, promptTokenIds: [5, 6, 7] });
      frontend.send(engine, { type: 'ADD', request });
      await requests.finished([requestId], run.answerMs);
      const reasons = requests.outputsOf(requestId).map(({ output }) => output.finishReason);
      if (reasons.length === 0) return failed(`nothing within ${secondsText(run.answerMs)}`);
      if (reasons.some((reason) => reason !== FinishReason.ERROR))
        return failed(`finish_reason ${reasons.join(', ')}`);
      await generate(run, engine, { maxTokens: 1 });
      return passed('finish_reason 3, and the next request ran');
    },
  ),
  checkOfEngine(
    'odd.wave',
    'START_DP_WAVE changes nothing at an engine that is no rank of a mixture-of-experts model.',
    'vllm/v1/engine/core.py EngineCoreProc._handle_client_request',
    async (run, engine) => {
      if (run.isMoe) return notApplicable('the ranks have waves');
      run.frontend.send(engine, { type: 'START_DP_WAVE', wave: 1, excludeEngineIndex: null });
      const outputs = await generate(run, engine, { maxTokens: 2 });
      return passed(`the next request ran in ${outputs.length} messages`);
    },
  ),
];

export const MESSAGE_CHECKS: readonly EngineCheck[] = [
  engineCheck(
    'outputs.readable',
    "Every message of an engine's output sockets is EngineCoreOutputs of that version, with no further field, or ENGINE_CORE_DEAD.",
    'vllm/v1/engine/core_client.py MPClient, EngineCoreOutputs',
    readableOutcome,
  ),
];

export const END_CHECKS: readonly EngineCheck[] = [
  checkOfEngine(
    'frontend.returns',
    'An engine whose frontend is gone for a moment connects again by itself, and serves as before.',
    'vllm/utils/network_utils.py make_zmq_socket: ZeroMQ connects again',
    returnsOutcome,
  ),
  checkOfEngine(
    'garbage.running',
    'Messages that cannot be read cost no request that runs: it comes to its end, and no ENGINE_CORE_DEAD does.',
    INPUT,
    garbageOutcome,
  ),
  engineCheck(
    'death.message',
    'An engine that breaks, as at EXECUTOR_FAILED, says ENGINE_CORE_DEAD to every frontend before it ends.',
    DEAD,
    deathOutcome,
  ),
];

/** Different ones that are looked for; few of them are shown. */
const MAX_PROBLEMS = 64;

function readableOutcome(run: EngineRun): Outcome {
  const dissector = createDissector(run.version);
  const { frames } = run;
  if (frames.length === 0) return failed('no message came');
  const problems = new Set<string>();
  for (const frame of frames) {
    for (const problem of dissector.dissect(toRawFrame(frame)).problems) problems.add(problem);
    if (problems.size > MAX_PROBLEMS) break;
  }
  for (const { problem } of run.frontend.outputs)
    if (problem !== null && problems.size <= MAX_PROBLEMS) problems.add(problem);
  const told = [...run.fate.told];
  return judged(
    [...problems].filter((problem) => !told.some((field) => problem.includes(field))),
    `${frames.length} messages`,
  );
}

async function returnsOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  await run.frontend.reconnect();
  const endMs = run.clock.monotonicMs() + 2 * run.answerMs;
  // A ROUTER drops what it sends before the engine is there again.
  while (run.clock.monotonicMs() < endMs) {
    const answer = await run.requests.ask(engine, 'is_sleeping', [], 4 * run.quietMs);
    if (answer === null) continue;
    const outputs = await generate(run, engine, { maxTokens: 2 });
    return passed(`a request in ${outputs.length} messages`);
  }
  return failed(`nothing within ${secondsText(2 * run.answerMs)} of its return`);
}

/** Each cannot be read for another reason. */
function garbage(run: EngineRun): readonly (readonly Uint8Array[])[] {
  const [type, add] = run.codec.encodeEngineInput({
    type: 'ADD',
    request: createEngineCoreRequest({ requestId: 'conform-cut', promptTokenIds: [5, 6, 7] }),
  });
  return [
    [Uint8Array.of(0x2a), NIL],
    [type ?? NIL, (add ?? NIL).subarray(0, 9)],
    [Uint8Array.of(EngineCoreRequestType.UTILITY)],
  ];
}

async function garbageOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const { requests, frontend } = run;
  const numTokens = await tokensForAWhile(run, engine);
  const id = requests.add(engine, { maxTokens: numTokens });
  await frontend.wait(() => requests.numTokensOf(id) > 0, run.answerMs);
  const since = frontend.outputs.length;
  for (const frames of garbage(run)) frontend.sendFrames(engine, frames);
  const hasEnded = await requests.finished([id], run.answerMs);
  const answer = await requests.ask(engine, 'is_sleeping', [], run.answerMs);
  const isDead = frontend.outputs.slice(since).some((heard) => heard.isDead);
  const after =
    answer === null
      ? 'it takes nothing in any more, as vLLM: its input thread ends with such a message'
      : 'it takes in what follows';
  return judged(
    [
      ...(hasEnded ? [] : [`${requests.numTokensOf(id)} of ${numTokens} tokens`]),
      ...(isDead ? ['ENGINE_CORE_DEAD'] : []),
    ],
    `${numTokens} of ${numTokens} tokens; ${after}`,
  );
}

async function deathOutcome(run: EngineRun): Promise<Outcome> {
  const { frontend, requests } = run;
  // Not the one that was sent what cannot be read: vLLM's takes nothing in after that.
  const engine = frontend.engines.at(-1);
  if (engine === undefined) return failed('no engine greeted the input sockets');
  // Ranks of one model go together: none goes on where another takes nothing in.
  const asked = run.isMoe ? frontend.engines : [engine];
  const before = await Promise.all(
    asked.map((one) => requests.ask(one, 'is_sleeping', [], run.answerMs)),
  );
  if (before.includes(null))
    return notApplicable(
      'an engine takes nothing in after garbage.running, as vLLM: run --only engine.death.message, or two engines of a dense model',
    );
  const id = await running(run, engine);
  const since = frontend.outputs.length;
  frontend.sendFrames(engine, [Uint8Array.of(EngineCoreRequestType.EXECUTOR_FAILED), NIL]);
  const said = (): ReadonlySet<number> =>
    new Set(
      frontend.outputs.slice(since).flatMap(({ isDead, client }) => (isDead ? [client] : [])),
    );
  if (await frontend.wait(() => said().size === frontend.numClients, run.answerMs))
    return passed(`at ${frontend.numClients} output sockets`);
  const answer = await requests.ask(engine, 'is_sleeping', [], run.answerMs);
  requests.abort(engine, [id]);
  if (answer !== null && said().size === 0)
    return notApplicable('the engine does not break at EXECUTOR_FAILED, and goes on');
  return failed(`ENGINE_CORE_DEAD at ${said().size} of ${frontend.numClients} output sockets`);
}
