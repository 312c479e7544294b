import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DelegatingParser } from '../../src/frontend/openai/parsing/delegating-parser.ts';
import { randomToolCallId } from '../../src/frontend/openai/parsing/tool-call-id.ts';
import type {
  DeltaMessage,
  FunctionTool,
  ParserRequest,
  ParserTokenizer,
  ToolChoice,
} from '../../src/frontend/openai/parsing/types.ts';
import { loadReasoningParser } from '../../src/frontend/openai/reasoning-parsers/registry.ts';
import { loadToolParser } from '../../src/frontend/openai/tool-parsers/registry.ts';
import type { PyDict, PyValue } from '../../src/shared/python/values.ts';

interface RecordedTool {
  readonly function: { name: string; description: string; parameters: PyDict };
}

interface Recorded {
  readonly head: {
    readonly special: readonly string[];
    readonly tokenizers: Readonly<
      Record<string, { vocabulary: Record<string, number>; texts: Record<string, string> }>
    >;
    readonly tools: readonly RecordedTool[];
  };
  readonly cases: readonly RecordedCase[];
}

interface RecordedCase {
  readonly id: string;
  readonly tokenizer: string;
  readonly tool: string | null;
  readonly reasoning: string | null;
  readonly kwargs: Record<string, PyValue>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly ids: readonly number[];
  readonly prompt_ids: readonly number[];
  readonly reasoning_ended: boolean;
  readonly whole: Readonly<Record<string, unknown>>;
  readonly streams: readonly {
    readonly sizes: readonly number[];
    readonly deltas: readonly unknown[];
    readonly reasoning_tokens: number;
  }[];
}

const FILES = ['tool-parsers.json', 'reasoning-parsers.json'];

class RecordedTokenizer implements ParserTokenizer {
  readonly chatTemplate = null;
  readonly allSpecialTokens: ReadonlyMap<string, number>;
  readonly #vocabulary: Readonly<Record<string, number>>;
  readonly #texts = new Map<number, string>();

  constructor({ head }: Recorded, name: string) {
    const tokenizer = head.tokenizers[name];
    if (tokenizer === undefined) throw new Error(`no tokenizer ${name}`);
    this.#vocabulary = tokenizer.vocabulary;
    for (const [text, id] of Object.entries(tokenizer.vocabulary)) this.#texts.set(id, text);
    for (const [id, text] of Object.entries(tokenizer.texts)) this.#texts.set(Number(id), text);
    this.allSpecialTokens = new Map(head.special.map((text) => [text, this.tokenId(text) ?? -1]));
  }

  tokenId(text: string): number | null {
    return this.#vocabulary[text] ?? null;
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => this.#texts.get(id) ?? '').join('');
  }
}

function toolsOf({ head }: Recorded): readonly FunctionTool[] {
  return head.tools.map(({ function: { name, description, parameters } }) => ({
    name,
    description,
    parameters,
    strict: null,
  }));
}

function choiceOf(choice: unknown): ToolChoice {
  if (typeof choice !== 'object' || choice === null) return (choice ?? 'none') as ToolChoice;
  return { name: (choice as { function: { name: string } }).function.name };
}

function requestOf(recorded: Recorded, { tool, request }: RecordedCase): ParserRequest {
  return {
    tools: tool === null ? null : toolsOf(recorded),
    toolChoice: choiceOf(request['tool_choice']),
    parallelToolCalls: (request['parallel_tool_calls'] ?? null) as boolean | null,
    includeReasoning: request['include_reasoning'] !== false,
    chatTemplateKwargs: (request['chat_template_kwargs'] ?? null) as Record<string, PyValue> | null,
    numHistoryToolCalls: 0,
    hasConstraint: false,
  };
}

async function makerOf(
  recorded: Recorded,
  { tokenizer: name, tool, reasoning, kwargs }: RecordedCase,
): Promise<(() => DelegatingParser) | null> {
  const tokenizer = new RecordedTokenizer(recorded, name);
  const toolEntry = tool === null ? null : await loadToolParser(tool);
  const makeReasoning = reasoning === null ? null : await loadReasoningParser(reasoning);
  if ((tool !== null && toolEntry === null) || (reasoning !== null && makeReasoning === null))
    return null;
  const options = {
    tokenizer,
    tools: tool === null ? null : toolsOf(recorded),
    chatTemplateKwargs: kwargs,
    toolCallIdType: 'random' as const,
  };
  return () =>
    new DelegatingParser({
      reasoning: makeReasoning?.(options) ?? null,
      tools: toolEntry?.make(options) ?? null,
      traits: toolEntry?.traits ?? null,
      enablesAutoTools: true,
      toolCallIdType: 'random',
      onInvocation: () => {},
    });
}

/** Random ids by their form. */
function shownId(id: string | null | undefined): string | null | undefined {
  if (typeof id !== 'string') return id;
  if (/^chatcmpl-tool-[0-9a-f]{16}$/.test(id)) return 'chatcmpl-tool-*';
  return /^[A-Za-z0-9]{9}$/.test(id) ? '*' : id;
}

function shown(delta: DeltaMessage | null): unknown {
  if (delta === null) return null;
  const { tool_calls: calls, ...rest } = delta;
  if (calls === undefined || calls.length === 0) return rest;
  const tool_calls = calls.map((call) => ('id' in call ? { ...call, id: shownId(call.id) } : call));
  return { ...rest, tool_calls };
}

function parseWhole(
  parser: DelegatingParser,
  { text, ids, prompt_ids }: RecordedCase,
  request: ParserRequest,
): unknown {
  parser.setPrompt(prompt_ids);
  const { reasoning, content, toolCalls } = parser.parse(text, ids, request);
  // A call without an id of its own gets a random one in the answer.
  const tool_calls = toolCalls.map((call) => ({
    ...call,
    id: shownId(call.id ?? randomToolCallId()),
  }));
  return { reasoning, content, tool_calls, reasoning_tokens: parser.countReasoningTokens(ids) };
}

function parseStream(
  parser: DelegatingParser,
  recorded: Recorded,
  entry: RecordedCase,
  sizes: readonly number[],
): unknown {
  const tokenizer = new RecordedTokenizer(recorded, entry.tokenizer);
  const request = requestOf(recorded, entry);
  let at = 0;
  const deltas = sizes.map((size, i) => {
    const ids = entry.ids.slice(at, at + size);
    at += size;
    const isFinished = i === sizes.length - 1;
    return shown(
      parser.parseDelta(
        { text: tokenizer.decode(ids), ids, promptIds: entry.prompt_ids, isFinished },
        request,
      ),
    );
  });
  return { sizes, deltas, reasoning_tokens: parser.countReasoningTokens(entry.ids) };
}

for (const file of FILES) {
  const recorded = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Recorded;
  const groups = new Map<string, RecordedCase[]>();
  for (const entry of recorded.cases) {
    const name = `${entry.tool ?? 'no'} tool and ${entry.reasoning ?? 'no'} reasoning`;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  describe(`parsers recorded in ${file}`, () => {
    for (const [name, cases] of groups) {
      it(`parses outputs with ${name} parser as vLLM does, whole and streamed`, async () => {
        for (const entry of cases) {
          const make = await makerOf(recorded, entry);
          if (make === null) return;
          const { whole } = entry;
          if (!('error' in whole)) {
            const ours = parseWhole(make(), entry, requestOf(recorded, entry));
            const calls = (whole['tool_calls'] ?? []) as readonly { id: string | null }[];
            const tool_calls = calls.map((call) => ({ ...call, id: call.id ?? 'chatcmpl-tool-*' }));
            expect(ours, `${entry.id} whole: ${entry.text}`).toEqual({ ...whole, tool_calls });
          }
          expect(make().isReasoningEnd(entry.prompt_ids), entry.id).toBe(entry.reasoning_ended);
          for (const stream of entry.streams) {
            if (
              stream.deltas.some(
                (delta) => delta !== null && typeof delta === 'object' && 'error' in delta,
              )
            )
              continue;
            expect(
              parseStream(make(), recorded, entry, stream.sizes),
              `${entry.id}: ${entry.text}`,
            ).toEqual(stream);
          }
        }
      });
    }
  });
}
