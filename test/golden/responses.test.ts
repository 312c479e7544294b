import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { RecordedParsers } from '../support/recorded-parsers.ts';
import {
  loadResponses,
  numbered,
  type ResponsesServer,
  startResponsesServer,
} from '../support/responses-golden.ts';

const recording = loadResponses();

/** Without what is not set, as the recording has it. */
function constraintOf(structured: unknown): unknown {
  if (structured === null) return null;
  const entries = Object.entries(structured as object).filter(
    ([name, value]) => !name.startsWith('_') && value !== null && value !== false,
  );
  return Object.fromEntries(entries);
}

function paramsOf({ samplingParams }: EngineCoreRequest): Record<string, unknown> {
  if (samplingParams === null) throw new Error('nothing is generated without parameters');
  return {
    max_tokens: samplingParams.maxTokens,
    logprobs: samplingParams.logprobs,
    skip_special_tokens: samplingParams.skipSpecialTokens,
    structured_outputs: constraintOf(samplingParams.structuredOutputs),
    extra_args: samplingParams.extraArgs,
    stop: samplingParams.stop,
    temperature: samplingParams.temperature,
    min_tokens: samplingParams.minTokens,
  };
}

describe.each(Object.keys(recording.servers))('/v1/responses of the server %s', (name) => {
  const hasParsers = recording.servers[name]?.flags.some((flag) => flag.endsWith('-parser'));
  const parsers = new RecordedParsers();
  let server: ResponsesServer;

  beforeAll(async () => {
    server = await startResponsesServer(recording, name, hasParsers ? parsers : null);
  });
  afterAll(() => server?.close());

  const cases = recording.cases.filter((one) => one.server === name);
  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { steps }) => {
    for (const step of steps) {
      const { status, answer, is_broken } = step;
      server.engine.requests.length = 0;
      parsers.load(step);
      expect(await server.send(step)).toEqual({ status, answer: numbered(answer), is_broken });
      const [request] = server.engine.requests;
      expect(request === undefined ? undefined : server.promptOf(request)).toEqual(step.prompt);
      if (request === undefined || step.params === undefined) continue;
      const asked = step.body?.['structured_outputs'] as { choice?: unknown } | undefined;
      // XGrammar's own check writes a choice as a grammar; engines take both.
      const params = asked?.choice === undefined ? {} : { structured_outputs: asked };
      expect(paramsOf(request)).toEqual({ ...step.params, ...params });
    }
  });
});
