import { ApiError, type ErrorInfo } from '../../src/frontend/llm/errors.ts';

/** What the client is told when this fails. */
export function apiErrorOf(action: () => unknown): ErrorInfo {
  try {
    action();
  } catch (error) {
    if (error instanceof ApiError) return error.info;
    throw error;
  }
  throw new Error('nothing was thrown');
}
