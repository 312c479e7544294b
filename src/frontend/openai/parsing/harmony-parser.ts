/**
 * Outputs of gpt-oss: thoughts on the channel `analysis`, calls to `functions.NAME`, answers on `final`.
 * Source: vllm/parser/harmony.py HarmonyParser (0.33.0).
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import type { OutputDelta, OutputParser, ParsedOutput } from './delegating-parser.ts';
import { type HarmonyHeader, type HarmonyMessage, HarmonyStream } from './harmony-stream.ts';
import { tryJson } from './schema-coercion.ts';
import { randomToolCallId } from './tool-call-id.ts';
import type {
  DeltaMessage,
  DeltaToolCall,
  FunctionCall,
  ParserRequest,
  ParserTokenizer,
} from './types.ts';

const FUNCTION_PREFIX = 'functions.';
/** Tools that vLLM brings. */
const BUILT_IN_TOOLS = ['python', 'browser', 'container'];

export interface HarmonyParserOptions {
  readonly tokenizer: ParserTokenizer;
  /** `--reasoning-parser` is set. */
  readonly hasReasoning: boolean;
  /** `--tool-call-parser` is set. */
  readonly hasTools: boolean;
}

type Kind = 'tool' | 'reasoning' | 'content' | null;

/** Source: vllm/entrypoints/openai/parser/harmony_utils.py is_function_recipient. */
function isFunction(recipient: string): boolean {
  if (recipient.startsWith(FUNCTION_PREFIX)) return recipient.length > FUNCTION_PREFIX.length;
  const [first = ''] = recipient.split('.');
  return (
    !recipient.startsWith('<|') && recipient !== 'assistant' && !BUILT_IN_TOOLS.includes(first)
  );
}

function functionName(recipient: string | null): string {
  const name = recipient ?? '';
  return name.startsWith(FUNCTION_PREFIX) ? name.slice(FUNCTION_PREFIX.length) : name;
}

function kindOf({ channel, recipient }: HarmonyHeader): Kind {
  if (recipient !== null && isFunction(recipient)) return 'tool';
  if (channel === 'analysis') return 'reasoning';
  return channel === 'final' || (channel === 'commentary' && recipient === null) ? 'content' : null;
}

export class HarmonyParser implements OutputParser {
  readonly #options: HarmonyParserOptions;
  readonly #stream: HarmonyStream;
  #numTokens = 0;
  #numReasoningTokens = 0;
  #nextCall = 0;

  constructor(options: HarmonyParserOptions) {
    this.#options = options;
    this.#stream = new HarmonyStream(options.tokenizer);
  }

  get hasReasoning(): boolean {
    return this.#options.hasReasoning;
  }

  setPrompt(): void {}

  /** The grammar holds the thought too. */
  isReasoningEnd(): boolean {
    return this.#options.hasReasoning;
  }

  parse(_text: string, ids: readonly number[]): ParsedOutput {
    const messages: HarmonyMessage[] = [];
    for (const id of ids) {
      const step = this.#process(id);
      if (step?.completed != null) messages.push(step.completed);
    }
    const { message, rest } = this.#stream.finish();
    if (message !== null) messages.push(message);
    if (rest !== null)
      messages.push({ channel: 'final', recipient: null, contentType: null, text: rest });
    const texts = (kind: Kind) =>
      messages.filter((each) => kindOf(each) === kind && each.text !== '').map(({ text }) => text);
    const { hasReasoning, hasTools } = this.#options;
    return {
      reasoning: hasReasoning ? texts('reasoning').join('\n') || null : null,
      content: texts('content').join('\n') || null,
      toolCalls: hasTools ? messages.filter((each) => kindOf(each) === 'tool').map(callOf) : [],
    };
  }

  #process(id: number) {
    this.#numTokens += 1;
    const step = this.#stream.process(id);
    if (step?.isReasoning === true) this.#numReasoningTokens += 1;
    return step;
  }

  parseDelta(
    { ids, isFinished }: OutputDelta,
    { includeReasoning }: ParserRequest,
  ): DeltaMessage | null {
    const { hasReasoning, hasTools } = this.#options;
    let recipient = this.#stream.recipient;
    let content = '';
    let reasoning = '';
    const calls: DeltaToolCall[] = [];
    for (const id of ids) {
      const step = this.#process(id);
      if (step === null) continue;
      if (step.completed !== null) {
        recipient = null;
        continue;
      }
      const kind = kindOf(step);
      if (kind === 'reasoning' && hasReasoning) reasoning += step.delta;
      else if (kind === 'content') content += step.delta;
      else if (kind === 'tool' && hasTools) {
        if (step.recipient !== recipient)
          calls.push(this.#beginCall(step.recipient ?? '', step.delta));
        else if (step.delta !== '') this.#continueCall(calls, step.delta);
        recipient = step.recipient;
      }
    }
    if (isFinished) content += this.#stream.finish().rest ?? '';
    return message(content, includeReasoning ? reasoning : null, reasoning !== '', calls);
  }

  #beginCall(recipient: string, delta: string): DeltaToolCall {
    const index = this.#nextCall;
    this.#nextCall += 1;
    const name = functionName(recipient);
    return {
      id: randomToolCallId(),
      type: 'function',
      index,
      function: { name, arguments: delta },
    };
  }

  #continueCall(calls: DeltaToolCall[], delta: string): void {
    const last = calls.at(-1)?.function;
    if (last !== undefined) last.arguments = (last.arguments ?? '') + delta;
    else calls.push({ index: this.#nextCall - 1, function: { arguments: delta } });
  }

  countReasoningTokens(ids: readonly number[]): number {
    if (ids.length === this.#numTokens) return this.#numReasoningTokens;
    const stream = new HarmonyStream(this.#options.tokenizer);
    return ids.filter((id) => stream.process(id)?.isReasoning === true).length;
  }
}

function message(
  content: string,
  reasoning: string | null,
  hasReasoned: boolean,
  calls: DeltaToolCall[],
): DeltaMessage | null {
  if (content === '' && !reasoning && calls.length === 0) return null;
  const delta: DeltaMessage = {};
  if (content !== '') delta.content = content;
  if (reasoning === null) delta.reasoning = null;
  else if (hasReasoned) delta.reasoning = reasoning;
  if (calls.length > 0) delta.tool_calls = calls;
  return delta;
}

function callOf({ recipient, contentType, text }: HarmonyMessage): FunctionCall {
  const isJson = contentType === null || contentType.includes('json');
  return { id: null, name: functionName(recipient), arguments: isJson ? normalized(text) : text };
}

/** As `json.dumps` writes it, in ASCII; what is no JSON stays. */
function normalized(text: string): string {
  const value = tryJson(text);
  if (value === undefined) return text;
  return pythonDumps(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
