import { describe, expect, it } from 'vitest';
import { JinjaTemplate } from '../../../../../src/frontend/openai/chat/jinja-template.ts';

const render = (source: string) => new JinjaTemplate(source).render({});

describe('range() of a template', () => {
  it.each([
    ['range(3)', '0,1,2'],
    ['range(1, 4)', '1,2,3'],
    ['range(5, 0, -2)', '5,3,1'],
    ['range(0)', ''],
    ['range(3, 1)', ''],
    ['range(0, 5, 2)', '0,2,4'],
  ])('counts: %s', (call, text) => {
    expect(render(`{{ ${call} | join(",") }}`)).toBe(text);
  });

  it('gives a hundred thousand numbers and no more', () => {
    expect(render('{{ range(100000) | length }}')).toBe('100000');
    for (const call of [
      'range(100001)',
      'range(0, 200002, 2)',
      'range(0, -100001, -1)',
      'range(10 ** 15)',
    ]) {
      expect(() => render(`{{ ${call.replace('10 ** 15', '1000000000000000')} }}`)).toThrow(
        'Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).',
      );
    }
    expect(() => render('{{ range(1, 2, 0) }}')).toThrow('range() arg 3 must not be zero');
  });

  it('is the same inside of loops and macros', () => {
    expect(() =>
      render('{% macro m() %}{% for i in range(100001) %}{% endfor %}{% endmacro %}{{ m() }}'),
    ).toThrow('Range too big');
  });
});

describe('filters that the engine lacks', () => {
  it.each([
    ['"%s=%s" | format("a", 1)', 'a=1'],
    ['"%s %s %s" | format(none, true, 1.5)', 'None True 1.5'],
    ['"%d%% of %05.1f" | format(7, 2.26)', '7% of 002.3'],
    ['"%-4s|%4s|%.2s|%r" | format("a", "b", "cde", "f")', "a   |   b|cd|'f'"],
    ['["a ", " b"] | map("trim") | join(",")', 'a,b'],
    ['["a", "b"] | map("upper") | join', 'AB'],
    ['[[1, 2], [3]] | map("length") | join(",")', '2,1'],
    ['[["a", "b"], ["c"]] | map("join", "-") | join(",")', 'a-b,c'],
    ['[{"a": 1}, {"a": 2}] | map(attribute="a") | join(",")', '1,2'],
    ['["a"] | map("tojson") | join', '"a"'],
  ])('are as Jinja has them: %s', (expression, text) => {
    expect(render(`{{ ${expression} }}`)).toBe(text);
  });

  it('refuse values that do not fit the text', () => {
    expect(() => render('{{ "%s %s" | format(1) }}')).toThrow('not enough arguments');
    expect(() => render('{{ "%s" | format(1, 2) }}')).toThrow('not all arguments converted');
    expect(() => render('{{ "%d" | format("a") }}')).toThrow('a real number is required');
  });
});

describe('a loop over a text', () => {
  it.each([
    ['{% for c in "aé🙂" %}{{ loop.index }}{{ c }}{% endfor %}', '1a2é3🙂'],
    ['{% for c in "abc" if c != "b" %}{{ c }}{% endfor %}', 'ac'],
    ['{% for c in "" %}{{ c }}{% else %}none{% endfor %}', 'none'],
    ['{% for c in ["x", "y"] %}{{ c }}{% endfor %}', 'xy'],
  ])('goes by its characters: %s', (source, text) => {
    expect(render(source)).toBe(text);
  });
});
