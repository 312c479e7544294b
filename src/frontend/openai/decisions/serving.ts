/**
 * `/v1/decisions` and `/v1/systemone`: questions about a text, each answered by the log probabilities of its labels as the
 * first token of a reply. Source: vllm/entrypoints/openai/decisions/serving.py, generate/structured_decisions/serving.py.
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { jsonString } from '../../../shared/python/json-text.ts';
import { pyRepr, pyStrRepr } from '../../../shared/python/str.ts';
import { isTruthy, type PyDict } from '../../../shared/python/values.ts';
import { ApiError, badRequest } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { labelParams } from '../label-params.ts';
import { type LabelRead, readLabels } from '../label-reads.ts';
import { type Later, whenHere } from '../later.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { checkModel, createdSeconds, type ServingContext, shownModel } from '../serving-context.ts';
import { decisionAnswer, probabilitiesOf, structuredAnswer } from './answers.ts';
import { type ReplyLabels, replyLabels } from './labels.ts';
import { readPrompt } from './prompt.ts';
import { buildQuestion, LABELS, MAX_OPTIONS, type Question, questionText } from './question.ts';
import type { DecisionQuestion, DecisionRequest, StructuredDecisionRequest } from './request.ts';

const MAX_QUESTIONS = 64;

/** What is asked of all questions alike. */
interface Asked {
  readonly model: string | null;
  readonly requestId: string;
  readonly questions: readonly Question[];
  readonly state: string;
  readonly instructions: string | null;
  readonly kwargs: PyDict | null;
  readonly priority: number | bigint;
  readonly cacheSalt: string | null;
}

export class DecisionsServing {
  readonly #context: ServingContext;
  /** Undefined until they were asked for; null: decisions are not served. */
  #labels: ReplyLabels | null | undefined = undefined;

  constructor(context: ServingContext) {
    this.#context = context;
  }

  /** `/v1/decisions`. Throws, or rejects with, ApiError when there is no answer to begin. */
  createDecisions(
    request: DecisionRequest,
    headers: RequestHeaders,
    channel: AnswerChannel,
  ): Later<void> {
    const labels = this.#servedLabels('The model does not support the Decisions API');
    checkModel(this.#context, request.model);
    if (request.questions.length > MAX_QUESTIONS) throw tooManyQuestions();
    const questions = request.questions.map(toQuestion);
    this.#admit(questions, request.joint);
    const asked: Asked = {
      model: request.model,
      requestId: `decision-${baseRequestId(headers, null)}`,
      questions,
      state: inputText(request.input),
      instructions: null,
      kwargs: null,
      priority: 0,
      cacheSalt: request.cache_salt,
    };
    return this.#read(asked, labels, { headers, channel }, (reads) => {
      const answers = request.questions.map((question, i) =>
        decisionAnswer(
          question,
          probabilitiesOf(reads[i] as LabelRead, idsOf(labels, questions[i] as Question)),
        ),
      );
      return `{"model":${this.#model(request.model)},"answers":[${answers.join(',')}],"usage":${decisionUsage(reads)}}`;
    });
  }

  /** `/v1/systemone`. Throws, or rejects with, ApiError when there is no answer to begin. */
  createStructuredDecision(
    request: StructuredDecisionRequest,
    headers: RequestHeaders,
    channel: AnswerChannel,
  ): Later<void> {
    const labels = this.#servedLabels('The model does not support the structured decision API');
    checkModel(this.#context, request.model);
    const requestId = `decision-${baseRequestId(headers, request.request_id)}`;
    const created = createdSeconds(this.#context);
    const questions = parseQuestions(request);
    checkMedia(request);
    this.#admit(questions, request.joint);
    const { state } = request;
    const asked: Asked = {
      model: request.model,
      requestId,
      questions,
      state: typeof state === 'string' ? state : pythonDumps(state),
      instructions: request.instructions,
      kwargs: request.chat_template_kwargs,
      priority: request.priority,
      cacheSalt: request.cache_salt,
    };
    return this.#read(asked, labels, { headers, channel }, (reads) => {
      const byId = (text: (question: Question, i: number) => string) =>
        questions.map((question, i) => `${jsonString(question.id)}:${text(question, i)}`).join(',');
      const probabilities = questions.map((question, i) =>
        probabilitiesOf(reads[i] as LabelRead, idsOf(labels, question)),
      );
      const own = (i: number) => probabilities[i] as ReturnType<typeof probabilitiesOf>;
      return (
        `{"id":${jsonString(requestId)},"object":"structured_decision","created":${created},` +
        `"model":${this.#model(request.model)},"answers":{${byId((question, i) => structuredAnswer(question, own(i)))}},` +
        `"usage":{"input_tokens":${inputTokens(reads)},"output_tokens":${outputTokens(reads)}},"diagnostics":{` +
        `${byId((_question, i) => `{"label_mass":${own(i).labelMass},"argmax_is_label":${own(i).argmaxIsLabel}}`)}},"joint":null}`
      );
    });
  }

  #servedLabels(otherwise: string): ReplyLabels {
    const { model, tokenizer, renderer } = this.#context;
    if (this.#labels === undefined) {
      const { architecture } = model;
      this.#labels = replyLabels({ architecture, tokenizer, renderer });
    }
    if (this.#labels !== null) return this.#labels;
    throw new ApiError({
      message: otherwise,
      type: 'NotImplementedError',
      param: null,
      code: 501,
    });
  }

  #admit(questions: readonly Question[], joint: boolean): void {
    if (joint) {
      throw badRequest(
        'joint: this model reads each question on its own; joint reads need DiffusionGemma',
      );
    }
    this.#context.llm.preflight(questions.length);
  }

  #model(name: string | null): string {
    return jsonString(shownModel(this.#context, name));
  }

  #read(
    asked: Asked,
    labels: ReplyLabels,
    { headers, channel }: { readonly headers: RequestHeaders; readonly channel: AnswerChannel },
    answer: (reads: readonly LabelRead[]) => string,
  ): Later<void> {
    if (isTruthy(asked.kwargs?.['enable_thinking']))
      throw badRequest("a read is the reply's first token, so thinking must be off");
    return whenHere(this.#promptsFrom(asked, labels, channel, []), (prompts) =>
      readLabels({
        context: this.#context,
        headers,
        channel,
        requestId: asked.requestId,
        model: asked.model,
        priority: asked.priority,
        cacheSalt: asked.cacheSalt,
        prompts: prompts.map((promptTokenIds, i) => ({
          promptTokenIds,
          params: labelParams(idsOf(labels, asked.questions[i] as Question), {
            temperature: 0,
            logprobs: null,
            asksForWatermarks: this.#context.model.asksForWatermarks,
          }),
        })),
        answer,
      }),
    );
  }

  /** The prompts of the questions from those that are done on, one after another. */
  #promptsFrom(
    asked: Asked,
    labels: ReplyLabels,
    channel: AnswerChannel,
    done: readonly (readonly number[])[],
  ): Later<readonly (readonly number[])[]> {
    const question = asked.questions[done.length];
    if (question === undefined) return done;
    const { renderer, model } = this.#context;
    const prompt = {
      text: `${asked.state}\n\n${questionText(question)}`,
      instructions: asked.instructions,
      kwargs: asked.kwargs,
      maxModelLen: model.maxModelLen,
    };
    return whenHere(readPrompt(renderer, prompt, channel), ({ promptTokenIds }) => {
      const { tail } = labels;
      const end = promptTokenIds.slice(promptTokenIds.length - tail.length);
      if (!tail.every((id, i) => end[i] === id)) {
        throw badRequest(
          "these chat options end the prompt differently, so the labels' tokens are unknown",
        );
      }
      return this.#promptsFrom(asked, labels, channel, [...done, promptTokenIds]);
    });
  }
}

function idsOf({ idOf }: ReplyLabels, { labels }: Question): readonly number[] {
  return labels.map((label) => idOf.get(label) ?? 0);
}

function tooManyQuestions(): ApiError {
  return badRequest(`questions: at most ${MAX_QUESTIONS} for this model`);
}

function parseQuestions({ questions }: StructuredDecisionRequest): readonly Question[] {
  const specs = Object.entries(questions);
  if (specs.length === 0) throw badRequest('questions: needs at least one question');
  if (specs.length > MAX_QUESTIONS) throw tooManyQuestions();
  return specs.map(([id, spec]) => {
    const unknown = Object.keys(spec)
      .filter((name) => !['type', 'instructions', 'criteria'].includes(name))
      .sort();
    if (unknown.length > 0)
      throw badRequest(`question ${pyStrRepr(id)}: unknown field(s) ${pyRepr(unknown)}`);
    return buildQuestion(id, spec);
  });
}

function checkMedia({ images, audio, videos }: StructuredDecisionRequest): void {
  const given = [
    ['audio', audio],
    ['image', images],
    ['video', videos],
  ] as const;
  const names = given.filter(([, urls]) => (urls ?? []).length > 0).map(([name]) => name);
  if (names.length > 0) throw badRequest(`this model does not take ${names.join(', ')} inputs`);
}

/** Source: make_read_question. */
function toQuestion(question: DecisionQuestion, index: number): Question {
  const options =
    question.type === 'predicate'
      ? [
          { name: 'false', description: null },
          { name: 'true', description: null },
        ]
      : question.type === 'choice'
        ? question.choices.map(({ value, description }) => ({
            name: JSON.stringify(value),
            description,
          }))
        : question.levels.map(({ label, description }) => ({ name: label, description }));
  if (options.length > MAX_OPTIONS) {
    throw badRequest(`This model supports at most ${MAX_OPTIONS} choices per question`);
  }
  return {
    id: String(index),
    kind: 'choice',
    instructions: question.instructions,
    options,
    labels: LABELS.choice.slice(0, options.length),
  };
}

function inputText(input: DecisionRequest['input']): string {
  if (typeof input === 'string') return input;
  return input
    .map(({ content }) =>
      typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'),
    )
    .join('\n\n');
}

function inputTokens(reads: readonly LabelRead[]): number {
  return reads.reduce((sum, { output }) => sum + output.promptTokenIds.length, 0);
}

function outputTokens(reads: readonly LabelRead[]): number {
  return reads.reduce((sum, { output }) => sum + (output.outputs[0]?.tokenIds.length ?? 0), 0);
}

function decisionUsage(reads: readonly LabelRead[]): string {
  const sum = (count: (read: LabelRead) => number) =>
    reads.reduce((total, read) => total + count(read), 0);
  const input = inputTokens(reads);
  const output = outputTokens(reads);
  return (
    `{"input_tokens":${input},"input_tokens_details":{"cached_tokens":${sum((read) => read.output.numCachedTokens ?? 0)},` +
    `"cache_write_tokens":${sum((read) => read.output.numCacheCreationTokens)}},"output_tokens":${output},` +
    `"output_tokens_details":{"reasoning_tokens":0},"total_tokens":${input + output}}`
  );
}
