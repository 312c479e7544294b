import { isTruthy } from '../../../../shared/python/values.ts';
import type { ParserOptions } from '../types.ts';

/** `thinking` or `enable_thinking` of the template's variables; `unsaid` where neither is given. */
export function thinkingOf(
  { chatTemplateKwargs: kwargs }: ParserOptions,
  unsaid: boolean,
): boolean {
  const { thinking = null, enable_thinking: enabled = null } = kwargs;
  if (thinking === null && enabled === null) return unsaid;
  return isTruthy(thinking) || isTruthy(enabled);
}
