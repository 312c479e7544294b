/**
 * The chunks of a chat completion as the events of a message, a block after the other.
 * Source: vllm/entrypoints/anthropic/serving.py message_stream_converter (0.33.0).
 */
import { jsonString } from '../../../shared/python/json-text.ts';
import { randomHex } from '../../llm/random-uuid.ts';
import { anthropicErrorType } from './anthropic-error.ts';
import {
  type ChatAnswerJson,
  type ChatChoice,
  stopReason,
  type ToolCallPart,
  usageJson,
} from './chat-answer.ts';

/** The block that is open; text that comes while it is a tool's waits until it is closed. */
interface OpenBlock {
  readonly type: 'text' | 'thinking' | 'tool_use';
  readonly toolId: string | null;
  readonly pending: string[];
}

function event(name: string, fields: string): string {
  return `event: ${name}\ndata: {"type":"${name}"${fields}}\n\n`;
}

export class MessageStream {
  #hasBegun = false;
  #finishReason: string | null = null;
  #matched: number | string | null | undefined = null;
  #block: OpenBlock | null = null;
  #numBlocks = 0;
  #isToolUsed = false;
  /** Of the latest call: only that can be cut short. */
  #lastArguments = '';
  readonly #idByCall = new Map<number, string>();

  /** The events that a chunk becomes. */
  take(chunk: ChatAnswerJson): string {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return this.#start(chunk);
    }
    const [choice] = chunk.choices;
    return choice === undefined ? this.#messageDelta(chunk) : this.#choice(choice);
  }

  end(): string {
    return this.#closeAll() + event('message_stop', '');
  }

  /** What was open is closed, and the stream ends with this. */
  fail(status: number, message: string): string {
    const type = anthropicErrorType(status);
    return (
      this.#close() + event('error', `,"error":{"type":"${type}","message":${jsonString(message)}}`)
    );
  }

  #start({ id, model, usage }: ChatAnswerJson): string {
    return event(
      'message_start',
      `,"message":{"id":${jsonString(id)},"type":"message","role":"assistant","content":[],"model":${jsonString(model)},` +
        `"stop_reason":null,"stop_sequence":null,"usage":${usageJson(usage)}}`,
    );
  }

  #messageDelta({ usage }: ChatAnswerJson): string {
    const closed = this.#closeAll();
    const { reason, sequence } = stopReason({
      finishReason: this.#finishReason ?? 'stop',
      matched: this.#matched,
      isToolUsed: this.#isToolUsed,
      isToolComplete: this.#isToolUsed && isJson(this.#lastArguments),
    });
    const delta = `{"stop_reason":${reason},"stop_sequence":${sequence}}`;
    return closed + event('message_delta', `,"delta":${delta},"usage":${usageJson(usage)}`);
  }

  #choice({ delta = {}, finish_reason: finishReason, stop_reason: matched }: ChatChoice): string {
    if (finishReason !== null) {
      this.#finishReason = finishReason;
      this.#matched = matched;
    }
    let out = '';
    if (delta.reasoning) out += this.#thinking(delta.reasoning);
    if (delta.content) out += this.#text(delta.content);
    for (const call of delta.tool_calls ?? []) out += this.#toolCall(call);
    return out;
  }

  #thinking(text: string): string {
    const opened =
      this.#block?.type === 'thinking'
        ? ''
        : this.#closeAll() + this.#open('thinking', '"type":"thinking","thinking":""');
    return opened + this.#delta(`"type":"thinking_delta","thinking":${jsonString(text)}`);
  }

  #text(text: string): string {
    if (this.#block?.type === 'tool_use') {
      this.#block.pending.push(text);
      return '';
    }
    const opened =
      this.#block?.type === 'text'
        ? ''
        : this.#closeAll() + this.#open('text', '"type":"text","text":""');
    return opened + this.#delta(`"type":"text_delta","text":${jsonString(text)}`);
  }

  #toolCall({ index = 0, id = null, function: fn }: ToolCallPart): string {
    let opened = '';
    if (id !== null) {
      this.#idByCall.set(index, id);
      const name = fn?.name ?? null;
      if (this.#block?.toolId !== id && name !== null) {
        opened = this.#closeAll();
        this.#isToolUsed = true;
        this.#lastArguments = '';
        const block = `"type":"tool_use","id":${jsonString(id)},"name":${jsonString(name)},"input":{}`;
        opened += this.#open('tool_use', block, id);
      }
    }
    const callId = id ?? this.#idByCall.get(index);
    if (!fn?.arguments || callId === undefined || this.#block?.toolId !== callId) return opened;
    this.#lastArguments += fn.arguments;
    return (
      opened + this.#delta(`"type":"input_json_delta","partial_json":${jsonString(fn.arguments)}`)
    );
  }

  #open(type: OpenBlock['type'], fields: string, toolId: string | null = null): string {
    this.#block = { type, toolId, pending: [] };
    return event('content_block_start', `,"content_block":{${fields}},"index":${this.#numBlocks}`);
  }

  #delta(fields: string): string {
    return event('content_block_delta', `,"delta":{${fields}},"index":${this.#numBlocks}`);
  }

  #close(): string {
    if (this.#block === null) return '';
    const signature =
      this.#block.type === 'thinking'
        ? this.#delta(`"type":"signature_delta","signature":"${randomHex(32)}"`)
        : '';
    const out = signature + event('content_block_stop', `,"index":${this.#numBlocks}`);
    this.#block = null;
    this.#numBlocks += 1;
    return out;
  }

  /** Text that waited becomes a block of its own. */
  #closeAll(): string {
    const waiting = this.#block?.pending.join('') ?? '';
    const closed = this.#close();
    return waiting === '' ? closed : closed + this.#text(waiting) + this.#close();
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
