import { SCRIPTED_TOKEN_IDS_KEY } from '../../shared/protocol/fault-keys.ts';
import { RECORDED_SCRIPT_KEY } from '../faults/recorded-keys.ts';
import type { Request } from '../scheduler/request.ts';
import type { ContextReader } from './context-reader.ts';
import type { TokenSource } from './token-source.ts';

/** Says what a request asks to be told; another source goes on where its script ends. */
export class ScriptedTokenSource implements TokenSource {
  readonly promptLogprobIds: TokenSource['promptLogprobIds'];
  readonly #inner: TokenSource;

  constructor(inner: TokenSource) {
    this.#inner = inner;
    this.promptLogprobIds = inner.promptLogprobIds;
  }

  prepare(request: Request): void {
    this.#inner.prepare(request);
    if (!request.hasExtraArgs) return;
    const extraArgs = request.samplingParams.extraArgs ?? {};
    const script = extraArgs[SCRIPTED_TOKEN_IDS_KEY] ?? extraArgs[RECORDED_SCRIPT_KEY];
    if (isTokenIds(script)) request.scriptedTokenIds = script;
  }

  tokenAt(request: Request, position: number): number {
    return request.scriptedTokenIds?.[position] ?? this.#inner.tokenAt(request, position);
  }

  createReader(request: Request): ContextReader {
    return this.#inner.createReader(request);
  }
}

function isTokenIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
