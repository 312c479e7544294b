/** Builders for tests of the frontend's half of an engine: every argument has a default. */
import type {
  GenerateRequest,
  InputProcessorOptions,
} from '../../src/frontend/llm/input-processor.ts';
import type { SamplingFields } from '../../src/frontend/llm/sampling-params.ts';
import type { ServedModel } from '../../src/frontend/llm/served-model.ts';
import { ByteTokenizer } from './byte-tokenizer.ts';
import { createTestSamplingParams } from './sampling-fields.ts';

export function createServedModel(fields: Partial<ServedModel> = {}): ServedModel {
  return {
    model: 'folder/tiny',
    modelType: '',
    architecture: null,
    servedModelNames: ['tiny'],
    asksForWatermarks: false,
    maxModelLen: 16,
    vocabSize: 300,
    eosTokenId: 2,
    pooling: null,
    promptEmbeds: null,
    structuredOutputBackend: 'auto',
    defaultSamplingParams: {},
    generationEosTokenIds: [],
    fingerprint: null,
    worldSize: 1,
    dataParallelSize: 1,
    vllmConfig: { text: '', json: {} },
    ...fields,
  };
}

export function createInputProcessorOptions(
  options: Partial<InputProcessorOptions> = {},
): InputProcessorOptions {
  return {
    model: createServedModel(),
    tokenizer: new ByteTokenizer(),
    numRanks: 1,
    clientIndex: 0,
    maxLogprobs: 20,
    ...options,
  };
}

/** The request `a` with a prompt of three tokens. */
export function createGenerateRequest(
  options: Partial<Omit<GenerateRequest, 'params'>> & {
    readonly sampling?: Partial<SamplingFields>;
  } = {},
): GenerateRequest {
  const { sampling = {}, ...fields } = options;
  return {
    requestId: 'a',
    promptTokenIds: [1, 2, 3],
    params: createTestSamplingParams({ outputKind: 1, ...sampling }),
    arrivalTime: 100,
    priority: 0,
    dataParallelRank: null,
    cacheSalt: null,
    sessionId: null,
    loraRequest: null,
    ...fields,
  };
}
