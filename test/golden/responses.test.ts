import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OUTPUT_FORM_KEY } from '../../src/shared/protocol/output-form.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import {
  loadResponses,
  numbered,
  type ResponsesServer,
  startResponsesServer,
} from '../support/responses-golden.ts';

const recording = loadResponses();

/** What is not as in vLLM, and why. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'auto with text.format': 'a format and tools at once: the format holds, where vLLM lets either',
  'auto with text.format, streamed': 'the same',
};

/** Without what is not set, as the recording has it; a structural tag by what it says. */
function constraintOf(structured: unknown): unknown {
  if (structured === null) return null;
  const entries = Object.entries(structured as object)
    .filter(([name, value]) => !name.startsWith('_') && value !== null && value !== false)
    .map(([name, value]) => [name, name === 'structural_tag' ? JSON.parse(value) : value]);
  return Object.fromEntries(entries);
}

/** What the twin asks of its own engines is no part of the request. */
function extraArgsOf(args: object | null): unknown {
  if (args === null) return null;
  const { [OUTPUT_FORM_KEY]: _, ...rest } = args as Record<string, unknown>;
  return rest;
}

function paramsOf({ samplingParams }: EngineCoreRequest): Record<string, unknown> {
  if (samplingParams === null) throw new Error('nothing is generated without parameters');
  return {
    max_tokens: samplingParams.maxTokens,
    logprobs: samplingParams.logprobs,
    skip_special_tokens: samplingParams.skipSpecialTokens,
    structured_outputs: constraintOf(samplingParams.structuredOutputs),
    extra_args: extraArgsOf(samplingParams.extraArgs),
    stop: samplingParams.stop,
    temperature: samplingParams.temperature,
    min_tokens: samplingParams.minTokens,
  };
}

describe.each(Object.keys(recording.servers))('/v1/responses of the server %s', (name) => {
  let server: ResponsesServer;

  beforeAll(async () => {
    server = await startResponsesServer(recording, name);
  });
  afterAll(() => server?.close());

  const cases = recording.cases.filter(
    (one) => one.server === name && !Object.hasOwn(DIFFERENCES, one.name),
  );
  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { steps }) => {
    for (const step of steps) {
      const { status, answer, is_broken } = step;
      server.engine.requests.length = 0;
      expect(await server.send(step)).toEqual({ status, answer: numbered(answer), is_broken });
      const [request] = server.engine.requests;
      expect(request === undefined ? undefined : server.promptOf(request)).toEqual(step.prompt);
      if (request === undefined || step.params === undefined) continue;
      const structured = constraintOf(step.params['structured_outputs']);
      expect(paramsOf(request)).toEqual({ ...step.params, structured_outputs: structured });
    }
  });
});

test('every difference is a recorded case', () => {
  const names = recording.cases.map((one) => one.name);
  expect(Object.keys(DIFFERENCES).filter((name) => !names.includes(name))).toEqual([]);
});
