import { describe, expect, it } from 'vitest';
import type {
  ChatAnswerJson,
  ChatDelta,
} from '../../../../../src/frontend/openai/messages/chat-answer.ts';
import { MessageStream } from '../../../../../src/frontend/openai/messages/message-stream.ts';
import { wholeMessage } from '../../../../../src/frontend/openai/messages/whole-message.ts';

const HEAD = { id: 'chatcmpl-1', model: 'tiny' };
const USAGE = { prompt_tokens: 3, completion_tokens: 2 };

const chunk = (delta: ChatDelta, finishReason: string | null = null): ChatAnswerJson => ({
  ...HEAD,
  choices: [{ delta, finish_reason: finishReason }],
});
const call = (id: string | null, name: string | null, args: string, index = 0): ChatDelta => ({
  tool_calls: [{ index, id, function: { name, arguments: args } }],
});

/** The events that the chunks become: the type, and what it is about. */
function eventsOf(chunks: readonly ChatAnswerJson[]): readonly string[] {
  const stream = new MessageStream();
  const text = [
    stream.take(chunk({ content: '' })),
    ...chunks.map((each) => stream.take(each)),
    stream.take({ ...HEAD, choices: [], usage: USAGE }),
    stream.end(),
  ].join('');
  return text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      const data = JSON.parse(part.split('data: ')[1] ?? '') as Record<
        string,
        Record<string, unknown>
      >;
      const { delta, content_block: block } = data;
      const what = block?.['type'] ?? delta?.['type'] ?? delta?.['stop_reason'] ?? '';
      return `${data['type']} ${what}`.trim();
    });
}

describe('a chat stream as the events of a message', () => {
  it('opens a block for each tool call, and ends as a use of tools', () => {
    expect(
      eventsOf([
        chunk({ content: 'so' }),
        chunk(call('a', 'f', '')),
        chunk(call(null, null, '{"x":1}')),
        chunk(call('b', 'g', '{}', 1)),
        chunk({}, 'tool_calls'),
      ]),
    ).toEqual([
      'message_start',
      'content_block_start text',
      'content_block_delta text_delta',
      'content_block_stop',
      'content_block_start tool_use',
      'content_block_delta input_json_delta',
      'content_block_stop',
      'content_block_start tool_use',
      'content_block_delta input_json_delta',
      'content_block_stop',
      'message_delta tool_use',
      'message_stop',
    ]);
  });

  it('keeps text that comes inside a call until the call is closed', () => {
    const events = eventsOf([
      chunk(call('a', 'f', '{}')),
      chunk({ content: 'late' }),
      chunk({}, 'tool_calls'),
    ]);
    expect(events.slice(3)).toEqual([
      'content_block_stop',
      'content_block_start text',
      'content_block_delta text_delta',
      'content_block_stop',
      'message_delta tool_use',
      'message_stop',
    ]);
  });

  it('signs a block of thinking before it closes', () => {
    expect(eventsOf([chunk({ reasoning: 'hm' }), chunk({ content: 'yes' }, 'stop')])).toEqual([
      'message_start',
      'content_block_start thinking',
      'content_block_delta thinking_delta',
      'content_block_delta signature_delta',
      'content_block_stop',
      'content_block_start text',
      'content_block_delta text_delta',
      'content_block_stop',
      'message_delta end_turn',
      'message_stop',
    ]);
  });

  it('says that a stop string cut a call short', () => {
    const stream = new MessageStream();
    stream.take(chunk({ content: '' }));
    stream.take(chunk(call('a', 'f', '{"x":')));
    stream.take({ ...HEAD, choices: [{ delta: {}, finish_reason: 'stop', stop_reason: 'END' }] });
    expect(stream.take({ ...HEAD, choices: [], usage: USAGE })).toContain(
      '"stop_reason":"stop_sequence","stop_sequence":"END"',
    );
  });

  it('closes what is open before an error', () => {
    const stream = new MessageStream();
    stream.take(chunk({ content: '' }));
    stream.take(chunk({ content: 'a' }));
    const events = stream.fail(503, 'busy');
    expect(events).toContain('content_block_stop');
    expect(events).toContain('"type":"overloaded_error","message":"busy"');
  });
});

describe('a whole chat as a message', () => {
  it('has calls as blocks whose input keeps its numbers', () => {
    const message = wholeMessage({
      ...HEAD,
      choices: [
        {
          message: call('a', 'f', '{"x": 2.0, "y": null}'),
          finish_reason: 'tool_calls',
          stop_reason: null,
        },
      ],
      usage: { ...USAGE, prompt_tokens_details: { cached_tokens: 2 } },
    });
    expect(message).toContain('{"type":"tool_use","id":"a","name":"f","input":{"x":2.0,"y":null}}');
    expect(message).toContain('"stop_reason":"tool_use"');
    expect(message).toContain(
      '"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":2}',
    );
  });
});
