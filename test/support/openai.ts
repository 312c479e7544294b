/** The OpenAI endpoints without engines and sockets: a test says what the engines answer and reads what a client gets. */

import type { RequestHandle } from '../../src/frontend/llm/async-llm.ts';
import { ApiError, type ErrorInfo } from '../../src/frontend/llm/errors.ts';
import type { GenerateRequest } from '../../src/frontend/llm/input-processor.ts';
import type { PositionLogprobs } from '../../src/frontend/llm/logprobs.ts';
import type {
  CompletionOutput,
  RequestOutput,
  RequestSink,
} from '../../src/frontend/llm/request-output.ts';
import type { ServedModel } from '../../src/frontend/llm/served-model.ts';
import { RequestStateStats } from '../../src/frontend/metrics/iteration-stats.ts';
import type { AnswerChannel } from '../../src/frontend/openai/answer-channel.ts';
import { ChatTemplates } from '../../src/frontend/openai/chat/template.ts';
import type { Later } from '../../src/frontend/openai/later.ts';
import { ModelRegistry } from '../../src/frontend/openai/model-registry.ts';
import { OnlineRenderer, type RendererOptions } from '../../src/frontend/openai/renderer.ts';
import { type ParsedRequests, RequestParser } from '../../src/frontend/openai/request-parser.ts';
import type { ServingContext } from '../../src/frontend/openai/serving-context.ts';
import { loadRequestSchema, type RequestKind } from '../../src/frontend/pydantic/schemas.ts';
import { silentLogger } from '../../src/shared/logger.ts';
import type { Tokenizer } from '../../src/shared/tokenizer/tokenizer.ts';

const toIds = (text: string) => [...text].map((char) => char.codePointAt(0) ?? 0);

/** A token a character, its code the id; 1 opens where special tokens are wanted. */
export function createCharTokenizer(fields: Partial<Tokenizer> = {}): Tokenizer {
  return {
    encode: (text, { addSpecialTokens }) => [
      ...(addSpecialTokens ? [1] : []),
      ...[...text].map((char) => char.codePointAt(0) ?? 0),
    ],
    encodePair: (text, pair) => [1, ...toIds(text), 3, ...toIds(pair), 3],
    decode: (ids) => ids.map((id) => (id === 1 ? '<s>' : String.fromCodePoint(id))).join(''),
    convertIdsToTokens: (ids) => ids.map((id) => (id === 0 ? null : `T${id}`)),
    tokenToId: () => null,
    allSpecialTokens: new Map(),
    createDecodeStream: () => ({ step: (id) => String.fromCodePoint(id) }),
    eosTokenId: 2,
    bosTokenId: 1,
    padTokenId: null,
    maxTokenId: 0xffff,
    maxCharsPerToken: 4,
    truncationSide: 'right',
    chatTemplate: null,
    specialTokens: { bos_token: '<s>' },
    ...fields,
  };
}

export const TEST_MODEL: ServedModel = {
  model: 'org/model',
  modelType: '',
  architecture: null,
  servedModelNames: ['m', 'alias'],
  asksForWatermarks: false,
  maxModelLen: 100,
  vocabSize: 0x10000,
  eosTokenId: 2,
  pooling: null,
  promptEmbeds: null,
  structuredOutputBackend: 'auto',
  defaultSamplingParams: {},
  generationEosTokenIds: [],
  fingerprint: 'fp',
  worldSize: 1,
  dataParallelSize: 1,
  vllmConfig: { text: '', json: {} },
};

export class RecordingChannel implements AnswerChannel {
  status: number | null = null;
  body = '';
  stream = '';
  hasBegun = false;
  isEnded = false;
  isBroken = false;
  /** The client goes away. */
  disconnect: () => void = () => {};

  json(status: number, body: string): void {
    this.status = status;
    this.body = body;
  }

  beginStream(): void {
    this.hasBegun = true;
  }

  event(text: string): void {
    this.stream += text;
  }

  endStream(): void {
    this.isEnded = true;
  }

  breakStream(): void {
    this.isBroken = true;
  }

  onDisconnect(handler: () => void): void {
    this.disconnect = handler;
  }

  /** What follows `data: `, an entry an event. */
  get events(): string[] {
    return this.stream
      .split('\n\n')
      .filter((text) => text !== '')
      .map((text) => text.slice(text.indexOf('data: ') + 'data: '.length));
  }

  get error(): { message: string; type: string; param: string | null; code: number } {
    return (JSON.parse(this.body) as { error: RecordingChannel['error'] }).error;
  }
}

export interface FakeCall {
  readonly request: GenerateRequest;
  readonly sink: RequestSink;
  numAborts: number;
}

/** Remembers what it was asked to generate; the test feeds the sinks. */
export class FakeLLM {
  readonly calls: FakeCall[] = [];
  readonly preflights: number[] = [];
  numAsked = 0;
  preflightError: Error | null = null;
  /** Thrown by the call of this index. */
  generateError: { readonly index: number; readonly error: Error } | null = null;

  preflight(n: number): void {
    this.preflights.push(n);
    if (this.preflightError !== null) throw this.preflightError;
  }

  ensureRoom(): void {}

  /** Null: there is room. */
  resume: (() => void) | null = null;
  hasRoom = true;

  whenRoom(resume: () => void): boolean {
    if (!this.hasRoom) this.resume = resume;
    return this.hasRoom;
  }

  encode(): RequestHandle {
    throw new Error('this model generates');
  }

  generate(request: GenerateRequest, sink: RequestSink): RequestHandle {
    this.numAsked += 1;
    if (this.generateError?.index === this.numAsked - 1) throw this.generateError.error;
    const call: FakeCall = { request, sink, numAborts: 0 };
    this.calls.push(call);
    return {
      abort: () => {
        call.numAborts += 1;
      },
    };
  }

  /** One output of the prompt's request. */
  emit(output: RequestOutput, promptIndex = 0): void {
    const call = this.calls[promptIndex];
    if (call === undefined) throw new Error(`nothing was generated for prompt ${promptIndex}`);
    call.sink.onOutput(output);
  }
}

export function createCompletionOutput(fields: Partial<CompletionOutput> = {}): CompletionOutput {
  return {
    index: 0,
    text: 'hi',
    tokenIds: [104, 105],
    logprobs: null,
    finishReason: null,
    stopReason: null,
    weightVersions: null,
    samplingMask: null,
    ...fields,
  };
}

/** One output of one choice; finished where the choice is. */
export function createOutput(
  completion: Partial<CompletionOutput> = {},
  fields: Partial<RequestOutput> = {},
): RequestOutput {
  return {
    promptTokenIds: [1, 80, 81],
    promptLogprobs: null,
    outputs: [createCompletionOutput(completion)],
    isFinished: (completion.finishReason ?? null) !== null,
    numCachedTokens: 2,
    numCacheCreationTokens: 1,
    specDecodeMetrics: null,
    kvTransferParams: null,
    ecTransferParams: null,
    stats: new RequestStateStats(0),
    ...fields,
  };
}

/** `[id, logprob]` a candidate; ranks count up, a token's text is its character. */
export function createPosition(...candidates: (readonly [number, number])[]): PositionLogprobs {
  return new Map(
    candidates.map(([id, logprob], i) => [
      id,
      { logprob, rank: i + 1, decodedToken: String.fromCodePoint(id) },
    ]),
  );
}

export function createRenderer(fields: Partial<RendererOptions> = {}): OnlineRenderer {
  return new OnlineRenderer({
    tokenizer: createCharTokenizer(),
    chatTemplates: new ChatTemplates(),
    workers: null,
    maxModelLen: TEST_MODEL.maxModelLen,
    modelName: 'm',
    chatTemplate: null,
    chatTemplateContentFormat: 'auto',
    trustRequestChatTemplate: false,
    trustRequestMmKwargs: false,
    excludeToolsWhenToolChoiceNone: false,
    enableAutoToolChoice: false,
    hasToolParser: false,
    promptEmbeds: null,
    defaultChatTemplateKwargs: {},
    reasoningEffortMap: {},
    validateTokenIds: () => {},
    messageSchema: () => loadRequestSchema('chat-completion-request'),
    ...fields,
  });
}

export interface TestServing {
  readonly context: ServingContext;
  readonly llm: FakeLLM;
  readonly channel: RecordingChannel;
}

/** The clock stands at 1,700,000,000.5 seconds. */
export function createServing(fields: Partial<ServingContext> = {}): TestServing {
  const llm = new FakeLLM();
  const model = fields.model ?? TEST_MODEL;
  const context: ServingContext = {
    llm,
    models: new ModelRegistry(model),
    renderer: createRenderer({ maxModelLen: model.maxModelLen }),
    tokenizer: createCharTokenizer(),
    model,
    clock: { wallMs: () => 1_700_000_000_500, monotonicMs: () => 0 } as ServingContext['clock'],
    logger: silentLogger(),
    requestLogger: null,
    maxNumSequences: 16,
    responseRole: 'assistant',
    returnTokensAsTokenIds: false,
    enablePromptTokensDetails: false,
    enableForceIncludeUsage: false,
    enablePerRequestMetrics: false,
    skipModelNameValidation: false,
    parsers: null,
    toolCallRate: 0,
    responses: null,
    ...fields,
  };
  return { context, llm, channel: new RecordingChannel() };
}

const parser = new RequestParser({ maxCompletionPrompts: 4, maxStopStrings: 4 });

/** The checked request of a body, with all defaults. Throws ApiError. */
export function parseBody<Kind extends RequestKind>(
  kind: Kind,
  body: unknown,
): ParsedRequests[Kind] {
  return parser.parse(kind, Buffer.from(JSON.stringify(body)), 'application/json');
}

/** The body's fields of the ApiError that `act` throws. */
export function errorOf(act: () => unknown): ErrorInfo {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.info;
  }
  throw new Error('nothing was thrown');
}

/** What did not need to wait. */
export function here<T>(value: Later<T>): T {
  if (value instanceof Promise) throw new Error('the value comes later');
  return value;
}
