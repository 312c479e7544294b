import {
  buildSamplingParams,
  type MutableSamplingParams,
  type SamplingFields,
} from '../../src/frontend/llm/sampling-params.ts';

/** What a completion request without any parameter of its own asks for. */
export function createSamplingFields(fields: Partial<SamplingFields> = {}): SamplingFields {
  return {
    watermarking: false,
    n: null,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    temperature: 1,
    topP: 1,
    topK: 0,
    minP: 0,
    seed: null,
    stop: null,
    stopTokenIds: null,
    badWords: null,
    thinkingTokenBudget: null,
    includeStopStrInOutput: false,
    ignoreEos: false,
    maxTokens: 16,
    minTokens: 0,
    logprobs: null,
    promptLogprobs: null,
    logprobTokenIds: null,
    skipSpecialTokens: true,
    spacesBetweenSpecialTokens: true,
    outputKind: 0,
    streamInterval: null,
    structuredOutputs: null,
    logitBias: null,
    allowedTokenIds: null,
    extraArgs: null,
    repetitionDetection: null,
    routedExpertsPromptStart: 0,
    ...fields,
  };
}

export const TEST_MAX_N = 100;

export function createTestSamplingParams(
  fields: Partial<SamplingFields> = {},
): MutableSamplingParams {
  return buildSamplingParams(createSamplingFields(fields), TEST_MAX_N);
}
