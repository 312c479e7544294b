/** A tool call of a streamed answer. Source: responses/streaming_events.py emit_simple_tool_call_* (0.33.0). */
import { jsonString } from '../../../shared/python/json-text.ts';
import { randomUuid } from '../../llm/random-uuid.ts';
import { decodeCustomToolInput, decodeCustomToolInputPrefix } from './custom-tool-input.ts';
import { customCallItem, functionCallItem, type ItemStatus, type ShownCall } from './items-json.ts';
import type { OpenItem, SendEvent } from './open-item.ts';
import type { ToolCallName } from './tools.ts';

export interface CallStreamOptions {
  /** Among the calls of the answer. */
  readonly index: number;
  readonly called: ToolCallName;
  readonly callId: string;
  readonly isCustom: boolean;
}

export class CallStream implements OpenItem {
  readonly index: number;
  /** A call is no text of the answer. */
  readonly text = '';
  readonly #send: SendEvent;
  readonly #isCustom: boolean;
  readonly #shown: ShownCall;
  /** Where its events belong. */
  readonly #place: string;
  readonly #outputIndex: string;
  #arguments = '';
  /** What was streamed of a custom tool's input. */
  #input = '';

  constructor(send: SendEvent, outputIndex: number, options: CallStreamOptions) {
    const { index, called, callId, isCustom } = options;
    this.index = index;
    this.#send = send;
    this.#isCustom = isCustom;
    this.#shown = { id: `${isCustom ? 'ctc' : 'fc'}_${randomUuid()}`, callId, called };
    this.#outputIndex = `"output_index":${outputIndex}`;
    this.#place = `"item_id":"${this.#shown.id}",${this.#outputIndex}`;
    const item = isCustom
      ? customCallItem(this.#shown, '')
      : functionCallItem(this.#shown, '', 'in_progress');
    send('response.output_item.added', `"item":${item},${this.#outputIndex}`);
  }

  add(args: string): void {
    this.#arguments += args;
    if (this.#isCustom) this.#addInput(decodeCustomToolInputPrefix(this.#arguments));
    else {
      this.#send(
        'response.function_call_arguments.delta',
        `"delta":${jsonString(args)},${this.#place}`,
      );
    }
  }

  /** What does not go on from what was streamed cannot be taken back: it is sent again, whole. */
  #addInput(input: string): void {
    if (input === this.#input) return;
    const delta = input.startsWith(this.#input) ? input.slice(this.#input.length) : input;
    this.#input = input;
    this.#send(
      'response.custom_tool_call_input.delta',
      `"delta":${jsonString(delta)},${this.#place}`,
    );
  }

  close(status: ItemStatus): string {
    const item = this.#isCustom ? this.#closeCustom() : this.#closeFunction(status);
    this.#send('response.output_item.done', `"item":${item},${this.#outputIndex}`);
    return item;
  }

  #closeCustom(): string {
    const input = decodeCustomToolInput(this.#arguments);
    this.#addInput(input);
    this.#send(
      'response.custom_tool_call_input.done',
      `"input":${jsonString(input)},${this.#place}`,
    );
    return customCallItem(this.#shown, input);
  }

  #closeFunction(status: ItemStatus): string {
    const args = this.#arguments;
    this.#send(
      'response.function_call_arguments.done',
      `"arguments":${jsonString(args)},${this.#place}`,
      '',
      `,"name":${jsonString(this.#shown.called.name)}`,
    );
    return functionCallItem(this.#shown, args, status);
  }
}
