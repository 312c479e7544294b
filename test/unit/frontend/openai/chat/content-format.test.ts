import { describe, expect, it } from 'vitest';
import { detectContentFormat } from '../../../../../src/frontend/openai/chat/content-format.ts';

describe('detectContentFormat', () => {
  it.each([
    '{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}',
    "{%- for m in messages -%}{%- for part in m['content'] -%}{{ part.text }}{%- endfor -%}{%- endfor -%}",
    '{% for m in messages %}{% for part in m["content"] | list %}{% endfor %}{% endfor %}',
    '{% for m in messages[1:] %}{% for part in m.content[0:] %}{% endfor %}{% endfor %}',
    '{% set loop_messages = messages %}{% for m in loop_messages %}{% for p in m.content %}{% endfor %}{% endfor %}',
    '{% set a = b %}{% set b = messages %}{% for m in a %}{% for p in m.content %}{% endfor %}{% endfor %}',
    '{% set ns = namespace(list=messages) %}{% for m in ns.list %}{% for p in m.content %}{% endfor %}{% endfor %}',
    '{% for m in messages if m.role %}{% for p in m.content %}{% endfor %}{% endfor %}',
    '{% for m in messages %}{% set content = m.content %}{% for p in content %}{% endfor %}{% endfor %}',
    '{% for i, m in messages %}{% for part in content %}{% endfor %}{% endfor %}',
  ])('sees a loop over parts: %s', (template) => {
    expect(detectContentFormat(template)).toBe('openai');
  });

  it.each([
    '',
    '{% for m in messages %}{{ m.content }}{% endfor %}',
    '{% for t in tools %}{% for p in t.content %}{% endfor %}{% endfor %}',
    '{% for m in messages %}{% for call in m.tool_calls %}{% endfor %}{% endfor %}',
    '{% for m in messages %}{% for line in content.split("x") %}{% endfor %}{% endfor %}',
    '{% for m in messages %}{{ m.content }}{% endfor %}{% for part in other.content %}{% endfor %}',
    '{% set messages2 = others %}{% for m in messages2 %}{% for p in m.content %}{% endfor %}{% endfor %}',
  ])('sees none: %s', (template) => {
    expect(detectContentFormat(template)).toBe('string');
  });
});
