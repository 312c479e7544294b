/**
 * The items of a streamed answer, one after the other: each is opened, grows, and is closed before the next.
 * Source: vllm/entrypoints/openai/responses/streaming_events.py SimpleStreamingEventProcessor (0.33.0).
 */
import { jsonString } from '../../../shared/python/json-text.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import type { DeltaMessage, DeltaToolCall } from '../parsing/types.ts';
import { CallStream } from './call-stream.ts';
import {
  type ItemStatus,
  messageItem,
  reasoningItem,
  reasoningPart,
  textPart,
} from './items-json.ts';
import type { OpenItem, SendEvent } from './open-item.ts';
import { splitDelta } from './split-delta.ts';
import type { ToolCallNames } from './tools.ts';

/** Of the text that came with a delta; JSON entries joined by commas, empty for none. */
export interface ShownLogprobs {
  readonly ofDelta: string;
  readonly ofItem: string;
}

type Kind = 'content' | 'reasoning' | 'call';

export class ItemStream {
  readonly #send: SendEvent;
  readonly #names: ToolCallNames;
  #kind: Kind | null = null;
  #message: MessageStream | null = null;
  #reasoning: ReasoningStream | null = null;
  #call: CallStream | null = null;
  /** Those that are closed, as JSON. */
  readonly items: string[] = [];
  /** What the messages among them say. */
  readonly texts: string[] = [];

  constructor(send: SendEvent, names: ToolCallNames) {
    this.#send = send;
    this.#names = names;
  }

  add(delta: DeltaMessage, logprobs: () => ShownLogprobs): void {
    for (const part of splitDelta(delta)) this.#addPart(part, logprobs);
  }

  #addPart(part: DeltaMessage, logprobs: () => ShownLogprobs): void {
    const { reasoning = null, content = null, tool_calls: calls = [] } = part;
    const [first] = calls;
    if (first?.function !== undefined) this.#addCall(first, calls);
    else if (reasoning !== null) this.#openReasoning().add(reasoning);
    else if (content) this.#openMessage().add(content, logprobs());
  }

  #addCall(first: DeltaToolCall, calls: readonly DeltaToolCall[]): void {
    if (this.#kind !== 'call' || this.#call?.index !== first.index) {
      this.close('completed');
      const called = this.#names.resolve(first.function?.name ?? '');
      this.#call = new CallStream(this.#send, this.items.length, {
        index: first.index,
        called,
        callId: first.id || `chatcmpl-tool-${randomUuid()}`,
        isCustom: this.#names.isCustom(called.name),
      });
      this.#kind = 'call';
    }
    const args = calls.map((call) => call.function?.arguments ?? '').join('');
    if (args !== '') this.#call?.add(args);
  }

  #openReasoning(): ReasoningStream {
    if (this.#kind !== 'reasoning' || this.#reasoning === null) {
      this.close('completed');
      this.#reasoning = new ReasoningStream(this.#send, this.items.length);
      this.#kind = 'reasoning';
    }
    return this.#reasoning;
  }

  #openMessage(): MessageStream {
    if (this.#kind !== 'content' || this.#message === null) {
      this.close('completed');
      this.#message = new MessageStream(this.#send, this.items.length);
      this.#kind = 'content';
    }
    return this.#message;
  }

  /** Of the item that is open, where one is. */
  close(status: ItemStatus): void {
    const open: OpenItem | null =
      this.#kind === 'content'
        ? this.#message
        : this.#kind === 'reasoning'
          ? this.#reasoning
          : this.#kind === 'call'
            ? this.#call
            : null;
    this.#kind = null;
    if (open === null) return;
    this.items.push(open.close(status));
    if (open.text !== '') this.texts.push(open.text);
  }
}

class MessageStream implements OpenItem {
  readonly #send: SendEvent;
  readonly #id = `msg_${randomUuid()}`;
  readonly #outputIndex: number;
  readonly #place: string;
  readonly #logprobs: string[] = [];
  text = '';

  constructor(send: SendEvent, outputIndex: number) {
    this.#send = send;
    this.#outputIndex = outputIndex;
    this.#place = `"content_index":0,"item_id":"${this.#id}"`;
    const item = messageItem(this.#id, '[]', 'in_progress');
    send('response.output_item.added', `"item":${item},"output_index":${outputIndex}`);
    send(
      'response.content_part.added',
      `${this.#place},"output_index":${outputIndex},"part":${textPart('', '[]')}`,
    );
  }

  add(text: string, { ofDelta, ofItem }: ShownLogprobs): void {
    this.text += text;
    if (ofItem !== '') this.#logprobs.push(ofItem);
    this.#send(
      'response.output_text.delta',
      `"content_index":0,"delta":${jsonString(text)},"item_id":"${this.#id}","logprobs":[${ofDelta}],` +
        `"output_index":${this.#outputIndex}`,
    );
  }

  close(status: ItemStatus): string {
    const logprobs = this.#logprobs.length === 0 ? 'null' : `[${this.#logprobs.join(',')}]`;
    const part = textPart(this.text, logprobs);
    const item = messageItem(this.#id, `[${part}]`, status);
    const index = `"output_index":${this.#outputIndex}`;
    const text = `,"text":${jsonString(this.text)}`;
    this.#send('response.output_text.done', `${this.#place},"logprobs":[],${index}`, text);
    this.#send('response.content_part.done', `${this.#place},${index},"part":${part}`);
    this.#send('response.output_item.done', `"item":${item},${index}`);
    return item;
  }
}

class ReasoningStream implements OpenItem {
  readonly #send: SendEvent;
  readonly #id = `rs_${randomUuid()}`;
  readonly #outputIndex: number;
  readonly #place: string;
  /** Reasoning is no text of the answer. */
  readonly text = '';
  #reasoning = '';

  constructor(send: SendEvent, outputIndex: number) {
    this.#send = send;
    this.#outputIndex = outputIndex;
    this.#place = `"content_index":0,"item_id":"${this.#id}"`;
    const item = reasoningItem(this.#id, 'null', 'in_progress');
    send('response.output_item.added', `"item":${item},"output_index":${outputIndex}`);
    send(
      'response.content_part.added',
      `${this.#place},"output_index":${outputIndex},"part":${reasoningPart('')}`,
    );
  }

  add(reasoning: string): void {
    this.#reasoning += reasoning;
    this.#send(
      'response.reasoning_text.delta',
      `"content_index":0,"delta":${jsonString(reasoning)},"item_id":"${this.#id}","output_index":${this.#outputIndex}`,
    );
  }

  close(status: ItemStatus): string {
    const part = reasoningPart(this.#reasoning);
    const item = reasoningItem(this.#id, `[${part}]`, status);
    const index = `"output_index":${this.#outputIndex}`;
    const text = `,"text":${jsonString(this.#reasoning)}`;
    this.#send('response.reasoning_text.done', `${this.#place},${index}`, text);
    this.#send('response.content_part.done', `${this.#place},${index},"part":${part}`);
    this.#send('response.output_item.done', `"item":${item},${index}`);
    return item;
  }
}
