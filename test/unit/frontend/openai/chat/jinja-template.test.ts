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
