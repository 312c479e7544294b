import { describe, expect, it } from 'vitest';
import {
  functionTools,
  resolveNamedToolChoice,
  ToolCallNames,
} from '../../../../../src/frontend/openai/responses/tools.ts';
import type { PyDict } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const plain: PyDict = { type: 'function', name: 'f' };
const space = (name: string): PyDict => ({
  type: 'namespace',
  name,
  tools: [
    { type: 'function', name: 'find' },
    { type: 'custom', name: 'odd' },
  ],
});
const TOOLS = [plain, space('a'), { type: 'custom', name: 'shell' }, { type: 'mcp' }];

describe('tools as functions', () => {
  it('are those that a model is shown, namespaces flat', () => {
    expect(functionTools(TOOLS).map(({ name }) => name)).toEqual(['f', 'a__find', 'shell']);
  });

  it('are called by the names of their namespaces', () => {
    const names = new ToolCallNames(TOOLS);
    expect(names.resolve('a__find')).toEqual({ name: 'find', namespace: 'a' });
    expect(names.resolve('a__odd')).toEqual({ name: 'a__odd', namespace: null });
    expect(names.resolve('f')).toEqual({ name: 'f', namespace: null });
    expect([names.isCustom('shell'), names.isCustom('f')]).toEqual([true, false]);
  });

  it.each([
    ['f', 'f'],
    ['a__find', 'a__find'],
    ['find', 'a__find'],
  ])('are chosen by %s', (name, flat) => {
    expect(resolveNamedToolChoice(name, TOOLS)).toBe(flat);
  });

  it('are not chosen by a name of none, or of several', () => {
    const several = [space('a'), space('b')];
    expect(errorOf(() => resolveNamedToolChoice('g', TOOLS)).message).toContain('not found');
    expect(errorOf(() => resolveNamedToolChoice('find', several)).message).toContain(
      '(a__find, b__find)',
    );
  });
});
