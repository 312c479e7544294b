/**
 * From the bytes of a request to a checked request object. JSON.parse and plain numbers serve the requests that are
 * right; whatever is not, is read again as Python reads it, so that the answer shows the values as vLLM shows them.
 * Source: fastapi/routing.py get_request_handler, vllm/entrypoints/serve/utils/api_utils.py validate_json_request.
 */
import { decodeJsonBytes } from '../../shared/python/json-bytes.ts';
import { isNestedDeeperThan, MAX_DEPTH } from '../../shared/python/json-depth.ts';
import { PyJsonError, parsePythonJson } from '../../shared/python/json-reader.ts';
import { pyStrRepr } from '../../shared/python/str.ts';
import { isWellFormed, mayHoldSurrogates } from '../../shared/python/surrogates.ts';
import { isDict, type PyDict, type PyValue } from '../../shared/python/values.ts';
import { ApiError } from '../llm/errors.ts';
import { STRING_UNICODE } from '../pydantic/scalars.ts';
import { SchemaValidator, type Validated } from '../pydantic/schema-validator.ts';
import { loadRequestSchema, type RequestKind } from '../pydantic/schemas.ts';
import { LazyItems } from '../pydantic/validation-walk.ts';
import { chatChecks } from './chat/checks.ts';
import type { ChatCompletionRequest, ChatMessageParam } from './chat/request.ts';
import { batchChatChecks } from './chat-batch/checks.ts';
import type { BatchChatCompletionRequest } from './chat-batch/request.ts';
import { completionChecks } from './completions/checks.ts';
import type { CompletionRequest } from './completions/request.ts';
import type { DecisionRequest, StructuredDecisionRequest } from './decisions/request.ts';
import { derenderChatChecks, derenderCompletionChecks } from './derender/checks.ts';
import type { DerenderChatRequest, DerenderCompletionRequest } from './derender/request.ts';
import type { GenerativeScoringRequest } from './generative-scoring/request.ts';
import type { CountTokensRequest, MessagesRequest } from './messages/request.ts';
import type {
  LoadLoraAdapterRequest,
  RegisterAdapterRequest,
  UnloadLoraAdapterRequest,
} from './model-registry.ts';
import {
  embeddingChecks,
  poolingChecks,
  scoringChecks,
  tokenEmbeddingChecks,
} from './pooling/checks.ts';
import type {
  ClassificationRequest,
  CohereEmbedRequest,
  EmbeddingRequest,
  PoolingRequest,
  RerankRequest,
  ScoreRequest,
  TokenEmbeddingRequest,
} from './pooling/request.ts';
import {
  type BodyCheck,
  checkCacheSalt,
  type RequestLimits,
  requestSchemaHooks,
} from './request-checks.ts';
import { responsesChecks } from './responses/checks.ts';
import type { ResponsesRequest } from './responses/request.ts';
import type { GenerateTokensRequest } from './token-in-token-out/request.ts';
import { tokenizeChatChecks } from './tokenize/checks.ts';
import type { DetokenizeRequest, TokenizeRequest } from './tokenize/request.ts';
import { requestTextError, requestValidationError } from './validation-message.ts';

/** What a checked body of each kind is. */
export interface ParsedRequests {
  'completion-request': CompletionRequest;
  'chat-completion-request': ChatCompletionRequest;
  'responses-request': ResponsesRequest;
  'tokenize-request': TokenizeRequest;
  'detokenize-request': DetokenizeRequest;
  'embedding-request': EmbeddingRequest;
  'cohere-embed-request': CohereEmbedRequest;
  'token-embedding-request': TokenEmbeddingRequest;
  'pooling-request': PoolingRequest;
  'classification-request': ClassificationRequest;
  'score-request': ScoreRequest;
  'rerank-request': RerankRequest;
  'batch-chat-completion-request': BatchChatCompletionRequest;
  'generate-request': GenerateTokensRequest;
  'derender-chat-request': DerenderChatRequest;
  'derender-completion-request': DerenderCompletionRequest;
  'generative-scoring-request': GenerativeScoringRequest;
  'decision-request': DecisionRequest;
  'structured-decision-request': StructuredDecisionRequest;
  'register-adapter-request': RegisterAdapterRequest;
  'session-request': PyDict;
  'messages-request': MessagesRequest;
  'count-tokens-request': CountTokensRequest;
  'load-lora-adapter-request': LoadLoraAdapterRequest;
  'unload-lora-adapter-request': UnloadLoraAdapterRequest;
}

const NO_CHECK: BodyCheck = (data) => data;
const SALT_CHECK: BodyCheck = (data) => {
  checkCacheSalt(data);
  return data;
};
const CHECKS: Readonly<Record<RequestKind, BodyCheck>> = {
  'completion-request': completionChecks,
  'chat-completion-request': chatChecks,
  'responses-request': responsesChecks,
  'tokenize-request': tokenizeChatChecks,
  'detokenize-request': NO_CHECK,
  'embedding-request': embeddingChecks,
  'cohere-embed-request': NO_CHECK,
  'token-embedding-request': tokenEmbeddingChecks,
  'pooling-request': poolingChecks,
  'classification-request': poolingChecks,
  'score-request': scoringChecks,
  'rerank-request': scoringChecks,
  'batch-chat-completion-request': batchChatChecks,
  'generate-request': SALT_CHECK,
  'derender-chat-request': derenderChatChecks,
  'derender-completion-request': derenderCompletionChecks,
  'generative-scoring-request': SALT_CHECK,
  'decision-request': SALT_CHECK,
  'structured-decision-request': SALT_CHECK,
  'register-adapter-request': NO_CHECK,
  'session-request': NO_CHECK,
  'messages-request': NO_CHECK,
  'count-tokens-request': NO_CHECK,
  'load-lora-adapter-request': NO_CHECK,
  'unload-lora-adapter-request': NO_CHECK,
};

/** Sixteen digits may be an integer that a double cannot hold; an exponent makes a float of what looks integral;
 * an integer has no negative zero; and one field refuses floats that look so. */
const EXACT_NUMBER = /\d{16}|\d[eE][-+]?\d|-0(?!\.)|thinking_token_budget/;
/** Bodies with a value that is shown to the model as Python writes it. */
const EXACTLY_READ: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'structured-decision-request',
]);
const BODY_LOC = ['body'] as const;
const JSON_TYPE = 'application/json';

/** FastAPI's answer to a body that is no UTF-8. */
export class UnreadableBodyError extends Error {
  override readonly name = 'UnreadableBodyError';
}

export class RequestParser {
  readonly #limits: RequestLimits;
  readonly #validators = new Map<RequestKind, SchemaValidator>();

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** Throws ApiError, or UnreadableBodyError. */
  parse<Kind extends RequestKind>(
    kind: Kind,
    body: Uint8Array,
    contentType: string | undefined,
  ): ParsedRequests[Kind] {
    // The schema of a kind is what its type says.
    return this.#parse(kind, body, contentType) as unknown as ParsedRequests[Kind];
  }

  #parse(kind: RequestKind, body: Uint8Array, contentType: string | undefined): PyDict {
    const isPlain = contentType === JSON_TYPE;
    const isJson = isPlain || isJsonContentType(contentType);
    const text = isJson ? decodeBody(body) : '';
    let exact: PyValue | undefined;
    let data: PyValue = null;
    if (isJson && body.length > 0) {
      const isExact = EXACTLY_READ.has(kind) || EXACT_NUMBER.test(text);
      const fast = isExact ? undefined : tryJsonParse(text);
      if (fast === undefined) exact = readExactly(text);
      data = fast === undefined ? (exact as PyValue) : fast;
    }
    if (!isPlain && mediaType(contentType) !== JSON_TYPE) {
      throw requestTextError("Unsupported Media Type: Only 'application/json' is allowed");
    }
    if (isDict(data) && mayHoldSurrogates(text)) checkKeys(data);
    try {
      return this.#check(kind, data);
    } catch (error) {
      // Shown again with Python's numbers: 3.0 is not 3 in a message.
      if (exact !== undefined || !(error instanceof ApiError) || data === null) throw error;
      return this.#check(kind, readExactly(text));
    }
  }

  /** A body that is read already, or was made of another. Throws ApiError. */
  check<Kind extends RequestKind>(kind: Kind, data: PyValue): ParsedRequests[Kind] {
    return this.#check(kind, data) as unknown as ParsedRequests[Kind];
  }

  /** As `check`, but null where the body does not fit: another kind may. */
  match<Kind extends RequestKind>(kind: Kind, data: PyDict): ParsedRequests[Kind] | null {
    const result = this.examine(kind, CHECKS[kind](data, this.#limits));
    return result.ok ? (result.value as unknown as ParsedRequests[Kind]) : null;
  }

  /** The body against its schema alone, and every fault with its place in it. */
  examine(kind: RequestKind, data: PyValue): Validated {
    return this.#validator(kind).validate(data);
  }

  #check(kind: RequestKind, data: PyValue): PyDict {
    if (data === null) {
      throw requestValidationError([
        { type: 'missing', loc: BODY_LOC, msg: 'Field required', input: null, ctx: [] },
      ]);
    }
    const checked = isDict(data) ? CHECKS[kind](data, this.#limits) : data;
    const result = this.#validator(kind).validate(checked, undefined, BODY_LOC);
    if (!result.ok) throw requestValidationError(result.errors);
    const request = result.value as PyDict;
    if (kind === 'chat-completion-request') this.#checkToolCalls(request);
    return request;
  }

  /** The request class turns tool calls into lists at the end of its own checks, which is when their items are checked. */
  #checkToolCalls(request: PyDict): void {
    for (const message of request['messages'] as unknown as readonly ChatMessageParam[]) {
      const calls = message['tool_calls'];
      if (!(calls instanceof LazyItems)) continue;
      const validator = this.#validator('chat-completion-request');
      for (const [index, call] of calls.items.entries()) {
        const result = validator.validate(call, calls.node, ['body', index]);
        if (!result.ok) throw requestValidationError(result.errors);
      }
    }
  }

  #validator(kind: RequestKind): SchemaValidator {
    let validator = this.#validators.get(kind);
    if (validator === undefined) {
      validator = new SchemaValidator(loadRequestSchema(kind), requestSchemaHooks);
      this.#validators.set(kind, validator);
    }
    return validator;
  }
}

/** A body as Python reads it. Throws ApiError, or UnreadableBodyError. */
export function readJsonBody(body: Uint8Array): PyValue {
  return readExactly(decodeBody(body));
}

/** pydantic reads the names of fields as UTF-8, and those of no field too. */
function checkKeys(data: PyDict): void {
  const keys = Object.keys(data).filter((key) => !isWellFormed(key));
  if (keys.length === 0) return;
  throw requestValidationError(
    keys.map((key) => ({ ...STRING_UNICODE, loc: BODY_LOC, input: key, ctx: [] })),
  );
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').toLowerCase().split(';', 1)[0] ?? '';
}

/** What FastAPI takes for JSON: application/json and application/*+json. */
function isJsonContentType(contentType: string | undefined): boolean {
  const type = mediaType(contentType).trim();
  return type === JSON_TYPE || /^application\/[^+]*\+json$/.test(type);
}

function unreadable(): UnreadableBodyError {
  return new UnreadableBodyError('There was an error parsing the body');
}

function decodeBody(body: Uint8Array): string {
  const text = decodeJsonBytes(body);
  if (text === null || isNestedDeeperThan(text, MAX_DEPTH)) throw unreadable();
  return text;
}

function tryJsonParse(text: string): PyValue | undefined {
  try {
    return JSON.parse(text) as PyValue;
  } catch {
    return undefined;
  }
}

function readExactly(text: string): PyValue {
  try {
    return parsePythonJson(text);
  } catch (error) {
    if (!(error instanceof PyJsonError)) throw unreadable();
    throw requestValidationError([
      {
        type: 'json_invalid',
        loc: ['body', error.position],
        msg: 'JSON decode error',
        input: {},
        ctx: [['error', pyStrRepr(error.message)]],
      },
    ]);
  }
}
