/** The original requests in a body of /derender are checked as their own endpoints check them. Pure. */
import { get, isDict, type PyDict } from '../../../shared/python/values.ts';
import { chatChecks } from '../chat/checks.ts';
import { completionChecks } from '../completions/checks.ts';
import type { RequestLimits } from '../request-checks.ts';

export function derenderChatChecks(data: PyDict): PyDict {
  const original = get(data, 'chat_request');
  return isDict(original) ? { ...data, chat_request: chatChecks(original) } : data;
}

export function derenderCompletionChecks(data: PyDict, limits: RequestLimits): PyDict {
  const original = get(data, 'completion_request');
  return isDict(original)
    ? { ...data, completion_request: completionChecks(original, limits) }
    : data;
}
