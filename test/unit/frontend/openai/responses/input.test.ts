import { describe, expect, it } from 'vitest';
import {
  continuesFinalMessage,
  responsesMessages,
} from '../../../../../src/frontend/openai/responses/input.ts';
import type { PyDict, PyValue } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const messages = (...input: PyDict[]) => responsesMessages(null, input);
const call = (name: string) => ({
  type: 'function_call',
  call_id: `id-${name}`,
  name,
  arguments: '{}',
});
const toolCall = (name: string) => ({
  id: `id-${name}`,
  type: 'function',
  function: { name, arguments: '{}' },
});
const said = (text: PyValue) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text }],
});
const thought = (text: string) => ({ type: 'reasoning', content: [{ text }] });

describe('responsesMessages', () => {
  it('puts instructions in front of the input', () => {
    expect(responsesMessages('Be brief.', 'Q')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Q' },
    ]);
    expect(responsesMessages('', 'Q')).toHaveLength(1);
  });

  it('keeps messages of other roles as they are', () => {
    const item = { role: 'user', content: [{ type: 'input_text', text: 'Q' }] };
    expect(messages(item)).toEqual([item]);
  });

  it('puts reasoning, text and calls of one answer into one message', () => {
    expect(messages(thought('why'), said('So'), call('f'), call('g'))).toEqual([
      {
        role: 'assistant',
        reasoning: 'why',
        content: 'So',
        tool_calls: [toolCall('f'), toolCall('g')],
      },
    ]);
  });

  it('begins a message where the one before has no room or is another role’s', () => {
    expect(messages(said('a'), said('b'), { role: 'user', content: 'Q' }, call('f'))).toEqual([
      { role: 'assistant', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'Q' },
      { role: 'assistant', tool_calls: [toolCall('f')] },
    ]);
    expect(messages(thought('a'), thought('b'))).toHaveLength(2);
  });

  it.each(['function_call_output', 'custom_tool_call_output'])(
    'makes a tool’s message of %s',
    (type) => {
      expect(messages({ type, call_id: 'id', output: 'x' })).toEqual([
        { role: 'tool', content: 'x', tool_call_id: 'id' },
      ]);
    },
  );

  it('reads reasoning from its content, else its summary', () => {
    expect(messages({ type: 'reasoning', summary: [{ text: 'short' }] })).toEqual([
      { role: 'assistant', reasoning: 'short' },
    ]);
    expect(messages({ type: 'reasoning', content: [], summary: [] })).toEqual([
      { role: 'assistant', reasoning: '' },
    ]);
    expect(messages({ role: 'assistant', content: 'plain' })).toEqual([
      { role: 'assistant', content: 'plain' },
    ]);
    const odd = { role: 'assistant', content: [{ type: 'refusal' }] };
    expect(messages(odd)).toEqual([odd]);
  });

  it('refuses what it cannot read', () => {
    expect(errorOf(() => messages({ type: 'reasoning', encrypted_content: 'x' }))).toMatchObject({
      message: expect.stringContaining('Encrypted content is not supported.'),
      param: 'input',
    });
    expect(errorOf(() => messages({ type: 'odd' })).message).toContain(
      'Unsupported input item type: odd',
    );
    expect(errorOf(() => messages({})).message).toContain('Unsupported input item type: None');
  });
});

describe('continuesFinalMessage', () => {
  it.each([
    [{ status: 'in_progress' }, true],
    [{ type: 'message', status: 'incomplete' }, true],
    [{ type: 'reasoning', status: 'incomplete' }, true],
    [{ type: 'function_call', status: 'incomplete' }, false],
    [{ type: 'message', status: 'completed' }, false],
    [{ type: 'message' }, false],
  ])('of %j is %s', (item, expected) => {
    expect(continuesFinalMessage([{ status: 'x' }, item])).toBe(expected);
  });

  it('is false for a text and for nothing', () => {
    expect(continuesFinalMessage('Q')).toBe(false);
    expect(continuesFinalMessage([])).toBe(false);
  });
});
