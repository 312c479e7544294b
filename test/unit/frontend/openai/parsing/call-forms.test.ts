import { describe, expect, it } from 'vitest';
import { callForm } from '../../../../../src/frontend/openai/parsing/call-forms.ts';
import { loadOutputParsers } from '../../../../../src/frontend/openai/parsing/output-parsers.ts';
import type {
  FunctionTool,
  ParserRequest,
} from '../../../../../src/frontend/openai/parsing/types.ts';
import { BUILT_TOOL_PARSERS } from '../../../../../src/shared/config/parser-names.ts';
import type { OutputForm } from '../../../../../src/shared/protocol/output-form.ts';
import { MarkerTokenizer } from '../../../../support/marker-tokenizer.ts';

const TOOLS: readonly FunctionTool[] = [
  {
    name: 'get_weather',
    description: null,
    strict: null,
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' }, unit: { type: 'string' } },
      required: ['city', 'days'],
    },
  },
  { name: 'get_time', description: null, strict: null, parameters: null },
];

const SINGLE = ['openai', 'internlm'];
/** vLLM's parser shows nothing of a stream. */
const UNSTREAMED = ['phi4_mini_json'];

/** What an engine makes of the form. */
function textOf(form: OutputForm): string {
  return form
    .map((segment) => {
      if ('text' in segment) return segment.text;
      if ('free' in segment) return 'words';
      const { type, required } = segment.structured.json as { type: string; required?: string[] };
      if (type !== 'object') return '3';
      return required?.includes('days') === true ? '{"city": "Tokyo", "days": 3}' : '{}';
    })
    .join('');
}

describe('calls as formats spell them', () => {
  it.each(BUILT_TOOL_PARSERS)(
    'are read back by the parser of %s, whole and streamed',
    async (name) => {
      const tokenizer = new MarkerTokenizer();
      const parsers = await loadOutputParsers({
        toolCallParser: name,
        reasoningParser: null,
        tokenizer,
        modelName: 'm',
        toolCallIdType: 'random',
        isHarmony: name === 'openai',
        onInvocation: () => {},
      });
      if (parsers === null) throw new Error('no parsers');
      const request: ParserRequest = {
        tools: TOOLS,
        toolChoice: 'auto',
        parallelToolCalls: null,
        includeReasoning: true,
        chatTemplateKwargs: null,
        numHistoryToolCalls: 0,
        hasConstraint: false,
      };
      const form = callForm(parsers.toolFormat ?? '', TOOLS, { isSingle: false, numBefore: 0 });
      const text = textOf(form);
      const ids = tokenizer.encode(text);
      const called = [
        { name: 'get_weather', arguments: { city: 'Tokyo', days: 3 } },
        ...(SINGLE.includes(name) ? [] : [{ name: 'get_time', arguments: {} }]),
      ];
      const { toolCalls } = parsers.make(request, {}, 'other').parse(text, ids, request);
      const whole = toolCalls.map((call) => ({
        name: call.name,
        arguments: JSON.parse(call.arguments),
      }));
      expect(whole, text).toEqual(called);

      const parser = parsers.make(request, {}, 'other');
      const streamed: { name: string; args: string }[] = [];
      for (const [i, id] of ids.entries()) {
        const isFinished = i === ids.length - 1;
        const step = { text: tokenizer.decode([id]), ids: [id], promptIds: [], isFinished };
        for (const { index, function: fn } of parser.parseDelta(step, request)?.tool_calls ?? []) {
          streamed[index] ??= { name: '', args: '' };
          streamed[index].name += fn?.name ?? '';
          streamed[index].args += fn?.arguments ?? '';
        }
      }
      expect(
        streamed.map((call) => call.name),
        text,
      ).toEqual(UNSTREAMED.includes(name) ? [] : called.map((call) => call.name));
    },
  );
});
