/** The jobs on chat templates, wherever they are done. */
import { toApiError } from '../../llm/errors.ts';
import type { ChatTemplates } from '../chat/template.ts';
import type { JobAnswer, RenderJob, TemplateTraits } from './jobs.ts';

/** Throws ApiError. */
export function inspect(
  templates: ChatTemplates,
  { source }: { readonly source: string },
): TemplateTraits {
  const { contentFormat, supportsDeveloperRole } = templates.get(source);
  return { contentFormat, supportsDeveloperRole };
}

/** Throws ApiError. */
export function render(
  templates: ChatTemplates,
  { source, conversation, options }: RenderJob,
): string {
  return templates.get(source).render(conversation, options);
}

/** What a job gives, or the parts of its error. */
export function answerOf<Result>(work: () => Result): JobAnswer<Result> {
  try {
    return { ok: true, result: work() };
  } catch (error) {
    return { ok: false, info: toApiError(error).info };
  }
}
