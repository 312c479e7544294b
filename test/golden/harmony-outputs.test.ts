import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HarmonyParser } from '../../src/frontend/openai/parsing/harmony-parser.ts';
import type { DeltaMessage } from '../../src/frontend/openai/parsing/types.ts';

interface Recorded {
  readonly head: {
    readonly markers: Readonly<Record<string, number>>;
    readonly texts: Readonly<Record<string, string>>;
  };
  readonly cases: readonly {
    readonly tool: string | null;
    readonly reasoning: string | null;
    readonly include_reasoning: boolean;
    readonly text: string;
    readonly ids: readonly number[];
    readonly whole: unknown;
    readonly streams: readonly { readonly sizes: readonly number[]; readonly deltas: unknown }[];
  }[];
}

const { head, cases } = JSON.parse(
  readFileSync(new URL('harmony-outputs.json', import.meta.url), 'utf8'),
) as Recorded;

const tokenizer = {
  tokenId: (text: string) => head.markers[text] ?? null,
  decode: (ids: readonly number[]) => ids.map((id) => head.texts[id] ?? '').join(''),
  allSpecialTokens: new Map<string, number>(),
  chatTemplate: null,
};

function parserOf({ tool, reasoning }: Recorded['cases'][number]) {
  return new HarmonyParser({
    tokenizer,
    hasTools: tool !== null,
    hasReasoning: reasoning !== null,
  });
}

function shown(delta: DeltaMessage | null): unknown {
  if (delta === null) return null;
  const { tool_calls: calls, ...rest } = delta;
  if (calls === undefined) return rest;
  return {
    ...rest,
    tool_calls: calls.map((call) => ('id' in call ? { ...call, id: 'chatcmpl-tool-*' } : call)),
  };
}

describe('outputs of gpt-oss recorded in harmony-outputs.json', () => {
  it('are read whole as vLLM reads them', () => {
    for (const entry of cases) {
      const parser = parserOf(entry);
      const { toolCalls, ...rest } = parser.parse(entry.text, entry.ids);
      const ours = {
        ...rest,
        tool_calls: toolCalls,
        reasoning_tokens: parser.countReasoningTokens(entry.ids),
      };
      expect(ours, entry.text).toEqual(entry.whole);
    }
  });

  it('are read in pieces as vLLM reads them', () => {
    for (const entry of cases) {
      for (const { sizes, deltas } of entry.streams) {
        const parser = parserOf(entry);
        let at = 0;
        const ours = sizes.map((size, i) => {
          const ids = entry.ids.slice(at, at + size);
          at += size;
          const isFinished = i === sizes.length - 1;
          const request = {
            tools: null,
            toolChoice: null,
            parallelToolCalls: null,
            includeReasoning: entry.include_reasoning,
            chatTemplateKwargs: null,
            numHistoryToolCalls: 0,
            hasConstraint: false,
          };
          return shown(parser.parseDelta({ text: '', ids, promptIds: [], isFinished }, request));
        });
        expect(ours, entry.text).toEqual(deltas);
      }
    }
  });
});
