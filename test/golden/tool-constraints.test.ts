import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OutputParsers } from '../../src/frontend/openai/parsing/output-parsers.ts';
import type { FunctionTool, ToolChoice } from '../../src/frontend/openai/parsing/types.ts';
import { loadToolParser } from '../../src/frontend/openai/tool-parsers/registry.ts';
import { BUILT_TOOL_PARSERS } from '../../src/shared/config/parser-names.ts';
import type { PyDict } from '../../src/shared/python/values.ts';

interface RecordedTool {
  readonly function: { name: string; description: string; parameters: PyDict; strict?: boolean };
}

interface Recorded {
  readonly head: { readonly toolsets: readonly (readonly RecordedTool[])[] };
  readonly cases: readonly {
    readonly parser: string;
    readonly tools: number;
    readonly tool_choice: string | { function: { name: string } };
    readonly parallel_tool_calls: boolean | null;
    readonly json: unknown;
    readonly structural_tag: unknown;
    readonly skip_special_tokens: boolean | null;
    readonly supports_required_and_named: boolean;
  }[];
}

const recorded = JSON.parse(
  readFileSync(new URL('tool-constraints.json', import.meta.url), 'utf8'),
) as Recorded;

const tokenizer = {
  tokenId: () => 1,
  decode: () => '',
  allSpecialTokens: new Map<string, number>(),
  chatTemplate: null,
};

function toolsOf(index: number): readonly FunctionTool[] {
  return (recorded.head.toolsets[index] ?? []).map(({ function: { strict = null, ...rest } }) => ({
    ...rest,
    strict,
  }));
}

describe('constraints recorded in tool-constraints.json', () => {
  for (const parser of BUILT_TOOL_PARSERS) {
    const cases = recorded.cases.filter((entry) => entry.parser === parser);
    if (cases.length === 0) continue;
    it(`holds calls of ${parser} to what vLLM holds them to`, async () => {
      const entry = await loadToolParser(parser);
      const parsers = new OutputParsers(
        {
          toolCallParser: parser,
          reasoningParser: null,
          tokenizer,
          modelName: 'm',
          toolCallIdType: 'random',
          isHarmony: false,
          onInvocation: () => {},
        },
        entry,
        null,
      );
      for (const one of cases) {
        const choice = one.tool_choice;
        const toolChoice: ToolChoice =
          typeof choice === 'string' ? (choice as ToolChoice) : { name: choice.function.name };
        const { structuredOutputs = {}, keepsSpecialTokens = false } = parsers.adjust({
          tools: toolsOf(one.tools),
          toolChoice,
          parallelToolCalls: one.parallel_tool_calls,
          includeReasoning: true,
          chatTemplateKwargs: null,
          numHistoryToolCalls: 0,
          hasConstraint: false,
        });
        const tag = structuredOutputs['structural_tag'];
        const where = `${parser} ${JSON.stringify(choice)} ${one.tools} ${one.parallel_tool_calls}`;
        expect(typeof tag === 'string' ? JSON.parse(tag) : null, where).toEqual(one.structural_tag);
        expect(structuredOutputs['json'] ?? null, where).toEqual(one.json);
        expect(keepsSpecialTokens, where).toBe(one.skip_special_tokens === false);
        expect(entry?.traits.supportsRequiredAndNamed).toBe(one.supports_required_and_named);
      }
    });
  }
});
