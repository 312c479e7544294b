/**
 * What headers tell of a request, beside its body. Pure but for new ids.
 * Source: vllm/entrypoints/generate/base/serving.py (0.33.0).
 */
import { randomUuid } from '../llm/random-uuid.ts';

/** The headers that change how a request is served; names are lower case. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

function header(headers: RequestHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.[0] ?? null);
}

/** The id from `X-Request-Id`, the body, or a new one. */
export function baseRequestId(headers: RequestHeaders, requestId: string | null): string {
  return header(headers, 'x-request-id') ?? requestId ?? randomUuid();
}

/** Python's int() refuses a longer text. */
const MAX_DIGITS = 4300;

/** Python's int(): null for what it would not take. */
function parsePyInt(text: string | null): number | null {
  if (text === null || text.length > MAX_DIGITS || !/^\s*[+-]?\d+(_\d+)*\s*$/.test(text))
    return null;
  return Number(text.replaceAll('_', ''));
}

/** A rank that is no number is ignored. */
export function dataParallelRank(headers: RequestHeaders): number | null {
  return parsePyInt(header(headers, 'x-data-parallel-rank'));
}

export function requestPriority(headers: RequestHeaders, priority: number | bigint): number {
  return parsePyInt(header(headers, 'x-vllm-priority')) ?? Number(priority);
}

export function requestSessionId(
  headers: RequestHeaders,
  request: { session_id: string | null; vllm_xargs: Readonly<Record<string, unknown>> | null },
): string | null {
  if (request.session_id) return request.session_id;
  const fromHeader = header(headers, 'x-session-id');
  if (fromHeader) return fromHeader;
  const fromArgs = request.vllm_xargs?.['session_id'];
  return typeof fromArgs === 'string' && fromArgs !== '' ? fromArgs : null;
}
