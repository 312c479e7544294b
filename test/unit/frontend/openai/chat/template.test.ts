import { describe, expect, it } from 'vitest';
import {
  BUILT_IN_CHAT_TEMPLATE,
  ChatTemplate,
  ChatTemplates,
  developerToSystem,
  type RenderOptions,
} from '../../../../../src/frontend/openai/chat/template.ts';
import { errorOf } from '../../../../support/openai.ts';

const OPTIONS: RenderOptions = {
  addGenerationPrompt: false,
  continueFinalMessage: false,
  tools: null,
  documents: null,
  variables: {},
};
const USER = { role: 'user', content: 'Q' };
const CONTINUE = { ...OPTIONS, continueFinalMessage: true };

describe('ChatTemplate', () => {
  const builtIn = new ChatTemplate(BUILT_IN_CHAT_TEMPLATE);

  it('renders ChatML, with an answer begun where one is asked for', () => {
    expect(builtIn.render([USER], OPTIONS)).toBe('<|im_start|>user\nQ<|im_end|>\n');
    expect(builtIn.render([USER], { ...OPTIONS, addGenerationPrompt: true })).toBe(
      '<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n',
    );
    expect([builtIn.contentFormat, builtIn.supportsDeveloperRole]).toEqual(['string', false]);
  });

  it('shows tools, documents and variables, of which messages cannot be one', () => {
    const template = new ChatTemplate(
      '{{ tools|length }} {{ documents[0] }} {{ x }} {{ messages|length }}',
    );
    const variables = { x: 'var', messages: [] };
    expect(
      template.render([USER], { ...OPTIONS, tools: [1, 2], documents: ['doc'], variables }),
    ).toBe('2 doc var 1');
  });

  it.each(['"developer"', "'developer'"])('knows a developer role by %s', (word) => {
    expect(new ChatTemplate(`{% if m == ${word} %}{% endif %}`).supportsDeveloperRole).toBe(true);
  });

  it('ends right behind the message that is continued', () => {
    const answer = { role: 'assistant', content: 'So' };
    expect(builtIn.render([USER, answer], CONTINUE)).toBe(
      '<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nSo',
    );
    const parts = new ChatTemplate(
      '{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}',
    );
    const content = [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }, { type: 'other' }];
    expect(parts.render([{ role: 'assistant', content }], CONTINUE)).toBe('[a][b');
  });

  it('drops the blanks that a template strips there', () => {
    const stripping = new ChatTemplate('{% for m in messages %}{{ m.content | trim }}{% endfor %}');
    expect(stripping.render([{ role: 'assistant', content: 'So ' }], CONTINUE)).toBe('So');
  });

  it.each([
    [[], OPTIONS, 'Cannot apply chat template to an empty conversation.'],
    [
      [USER],
      { ...CONTINUE, addGenerationPrompt: true },
      'continue_final_message and add_generation_prompt are not compatible.',
    ],
    [
      [{ role: 'assistant', content: null }],
      CONTINUE,
      'the final message has no "content" to continue!',
    ],
    [[{ role: 'assistant' }], CONTINUE, 'the final message has no "content" to continue!'],
    [
      [{ role: 'assistant', content: [{ type: 'x' }] }],
      CONTINUE,
      'we could not find any text to continue',
    ],
  ] as const)('refuses %j', (conversation, options, words) => {
    expect(errorOf(() => builtIn.render(conversation, options)).message).toContain(words);
  });

  it('refuses to continue what the template leaves out', () => {
    const silent = new ChatTemplate('{# content #}nothing');
    expect(errorOf(() => silent.render([USER], CONTINUE)).message).toContain(
      'Final message to continue: Q\nRendered chat:\nnothing',
    );
    const without = new ChatTemplate('{{ messages|length }}');
    expect(errorOf(() => without.render([USER], CONTINUE)).message).toContain(
      'not an accepted field in the chat_template',
    );
  });

  it('answers what a template raises as a bad request', () => {
    const refusing = new ChatTemplate("{{ raise_exception('no system role') }}");
    expect(errorOf(() => refusing.render([USER], OPTIONS))).toMatchObject({
      message: 'no system role',
      code: 400,
    });
  });
});

describe('ChatTemplates', () => {
  it('compiles a text once, and keeps a bounded number', () => {
    const templates = new ChatTemplates();
    const first = templates.get('{{ 0 }}');
    expect(templates.get('{{ 0 }}')).toBe(first);
    for (let i = 1; i < 32; i++) templates.get(`{{ ${i} }}`);
    expect(templates.get('{{ 0 }}')).toBe(first);
    templates.get('{{ 32 }}');
    expect(templates.get('{{ 0 }}')).not.toBe(first);
  });

  it('refuses what is no template', () => {
    expect(errorOf(() => new ChatTemplates().get('{% if %}')).code).toBe(400);
  });
});

describe('developerToSystem', () => {
  const text = (role: string, content: unknown) => ({ role, content });

  it('turns a developer’s message into a system message, without its tools', () => {
    expect(developerToSystem([{ role: 'developer', content: 'd', tools: [1] }, USER])).toEqual([
      text('system', 'd'),
      USER,
    ]);
  });

  it('joins all system messages at the front', () => {
    const parts = [{ type: 'text', text: 'b' }, 'c', { type: 'image' }];
    expect(
      developerToSystem([
        USER,
        text('system', 'a'),
        text('developer', parts),
        text('system', ''),
        text('system', null),
      ]),
    ).toEqual([text('system', 'a\n\nb\nc'), USER]);
  });
});
