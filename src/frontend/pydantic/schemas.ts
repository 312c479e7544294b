/** The schemas of vLLM 0.33.0's request classes, one JSON file each in schemas/. */
import { readFileSync } from 'node:fs';
import { ownFile } from '../../shared/own-files.ts';
import type { RequestSchema } from './schema-node.ts';

export type RequestKind =
  | 'completion-request'
  | 'chat-completion-request'
  | 'responses-request'
  | 'tokenize-request'
  | 'detokenize-request'
  | 'embedding-request'
  | 'cohere-embed-request'
  | 'token-embedding-request'
  | 'pooling-request'
  | 'classification-request'
  | 'score-request'
  | 'rerank-request'
  | 'batch-chat-completion-request'
  | 'messages-request'
  | 'count-tokens-request'
  | 'generate-request'
  | 'derender-chat-request'
  | 'derender-completion-request'
  | 'generative-scoring-request'
  | 'decision-request'
  | 'structured-decision-request'
  | 'register-adapter-request'
  | 'session-request'
  | 'load-lora-adapter-request'
  | 'unload-lora-adapter-request';

export function loadRequestSchema(kind: RequestKind): RequestSchema {
  const path = ownFile(`frontend/pydantic/schemas/${kind}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as RequestSchema;
}
