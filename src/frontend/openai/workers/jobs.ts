/** What worker threads do for the API, and what they answer: values that can be cloned, errors as data. */
import type { ErrorInfo } from '../../llm/errors.ts';
import type { ContentFormat, ConversationMessage } from '../chat/messages.ts';
import type { RenderOptions } from '../chat/template.ts';
import type { TokenizeAnswerOptions } from '../tokenize/answer.ts';

export interface EncodeJob {
  readonly texts: readonly string[];
  readonly addSpecialTokens: boolean;
}

/** A text for /tokenize, whose whole answer is made where the ids are. */
export interface TokenizeJob extends TokenizeAnswerOptions {
  readonly text: string;
  readonly addSpecialTokens: boolean;
}

export interface DecodeJob {
  readonly lists: readonly Float64Array[];
  readonly skipSpecialTokens: boolean;
}

export interface RenderJob {
  /** The template's text. */
  readonly source: string;
  readonly conversation: readonly ConversationMessage[];
  readonly options: RenderOptions;
}

/** What is known of a template before it renders. */
export interface TemplateTraits {
  readonly contentFormat: ContentFormat;
  readonly supportsDeveloperRole: boolean;
}

/** Each kind of job by name: what goes in and what comes out. */
export interface Jobs {
  readonly encode: { readonly job: EncodeJob; readonly result: readonly Int32Array[] };
  readonly answerTokenize: { readonly job: TokenizeJob; readonly result: Uint8Array };
  readonly decode: { readonly job: DecodeJob; readonly result: readonly string[] };
  readonly inspectTemplate: { readonly job: { source: string }; readonly result: TemplateTraits };
  readonly renderTemplate: { readonly job: RenderJob; readonly result: string };
}

/** An error's class does not survive the way between threads: its parts do. */
export type JobAnswer<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly info: ErrorInfo };

/** The workers' settings, given to each at its start. */
export interface WorkerSettings {
  /** As for loadTokenizer. */
  readonly tokenizerFolder: string | null;
}
