/** Messages that an engine may send and a frontend seldom sees: each while a request runs, which has to end as if nothing was. */
import { createEngineCoreOutput, createSchedulerStats } from '../../../shared/protocol/defaults.ts';
import { FinishReason } from '../../../shared/protocol/outputs.ts';
import { firstOutput, nextOutput, numTokensOf, socketFor, tokensFor } from '../answer-request.ts';
import { compared, NothingWithin, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import { brief, type FrontendRun } from '../frontend-run.ts';
import type { ReceivedAdd } from '../scripted-engine.ts';

const PROCESSOR = 'vllm/v1/engine/output_processor.py OutputProcessor.process_outputs';
const CLIENT = 'vllm/v1/engine/core_client.py AsyncMPClient._ensure_output_queue_task';

/** `numTokens` differs from check to check: so a request shows whose it is. */
function survived(options: {
  readonly id: string;
  readonly does: string;
  readonly source: string;
  readonly numTokens: number;
  /** Sends the odd thing while the request runs. */
  readonly odd: (add: ReceivedAdd, run: FrontendRun) => void;
}): FrontendCheck {
  const { id, does, source, numTokens, odd } = options;
  return {
    id,
    does,
    source,
    async run(run) {
      const { add, completion } = await run.askHeld({ max_tokens: numTokens, ignore_eos: true });
      run.close(add);
      const [first = 1, ...rest] = tokensFor(add, numTokens);
      add.engine.send({ outputs: [firstOutput(add, [first])] }, socketFor(add));
      odd(add, run);
      const last = { ...nextOutput(add, rest), finishReason: FinishReason.LENGTH };
      add.engine.send({ outputs: [last] }, socketFor(add));
      const answer = await completion;
      const { status, text } = answer;
      if (status !== 200) return outcome(false, `${numTokens} tokens`, `${status} ${brief(text)}`);
      const completionTokens = run.tokensOf(answer, numTokens);
      return compared({ completionTokens }, { completionTokens: numTokens });
    },
  };
}

/** Requests whose outputs can travel in one message: of one engine and one API server. */
function togetherIn(adds: readonly ReceivedAdd[]): Iterable<readonly ReceivedAdd[]> {
  const groups = new Map<string, ReceivedAdd[]>();
  for (const add of adds) {
    const key = `${add.engine.rank} ${socketFor(add)}`;
    groups.set(key, [...(groups.get(key) ?? []), add]);
  }
  return groups.values();
}

export const OUTPUT_CHECKS: readonly FrontendCheck[] = [
  survived({
    id: 'frontend.outputs.unknown_request',
    does: 'Outputs of a request that nobody made, or that is over, are ignored.',
    source: PROCESSOR,
    numTokens: 31,
    odd(add) {
      const requestId = 'conform-nobodys';
      const outputs = [
        createEngineCoreOutput({ requestId, newTokenIds: [1] }),
        createEngineCoreOutput({ requestId, finishReason: FinishReason.STOP }),
      ];
      add.engine.send({ outputs }, socketFor(add));
      // What was under way when it was aborted.
      const aborted = add.engine.aborts.flatMap(({ requestIds }) => requestIds)[0];
      if (aborted === undefined) return;
      const late = createEngineCoreOutput({ requestId: aborted, newTokenIds: [1] });
      add.engine.send({ outputs: [late] }, socketFor(add));
    },
  }),
  survived({
    id: 'frontend.outputs.finished_twice',
    does: 'A request that is finished is finished: the engine may say so again.',
    source: PROCESSOR,
    numTokens: 32,
    odd(add, run) {
      const over = run.adds.find(({ engine }) => engine === add.engine) ?? add;
      const { requestId } = over.request;
      if (over === add) throw new NothingWithin('no request was over before');
      for (let i = 0; i < 2; i++) {
        const output = createEngineCoreOutput({ requestId, finishReason: FinishReason.LENGTH });
        add.engine.send({ outputs: [output], finishedRequests: [requestId] }, socketFor(add));
      }
    },
  }),
  survived({
    id: 'frontend.outputs.stats_only',
    does: 'Statistics come without outputs too, from engines that have nothing else to say.',
    source: CLIENT,
    numTokens: 34,
    odd(_, run) {
      for (const engine of run.engines) engine.send({ schedulerStats: createSchedulerStats() });
    },
  }),
  {
    id: 'frontend.outputs.several',
    does: 'One message has outputs of several requests: each reaches its own client.',
    source: PROCESSOR,
    async run(run) {
      const before = run.adds.length;
      const limits = [36, 37, 38];
      run.hold();
      const rank = run.engines.length > 1 ? { 'x-data-parallel-rank': '0' } : {};
      const completions = limits.map((limit) =>
        run.complete({ max_tokens: limit, ignore_eos: true }, { headers: rank }),
      );
      await run.waitFor('three ADDs', () => run.adds[before + 2]);
      const adds = run.adds.slice(before);
      for (const together of togetherIn(adds)) {
        const outputs = together.map((add) => ({
          ...firstOutput(add, tokensFor(add, numTokensOf(add))),
          finishReason: FinishReason.LENGTH,
        }));
        const [first] = together;
        if (first !== undefined) first.engine.send({ outputs }, socketFor(first));
      }
      for (const add of adds) run.close(add);
      const answers = await Promise.all(completions);
      const got = answers.map((answer, index) =>
        answer.status === 200
          ? run.tokensOf(answer, limits[index] ?? 0)
          : `${answer.status} ${brief(answer.text)}`,
      );
      return compared(got, limits);
    },
  },
];
