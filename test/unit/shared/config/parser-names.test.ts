import { describe, expect, it } from 'vitest';
import { loadReasoningParser } from '../../../../src/frontend/openai/reasoning-parsers/registry.ts';
import { loadToolParser } from '../../../../src/frontend/openai/tool-parsers/registry.ts';
import {
  BUILT_REASONING_PARSERS,
  BUILT_TOOL_PARSERS,
  reasoningParserProblem,
  toolParserProblem,
} from '../../../../src/shared/config/parser-names.ts';

describe('names of parsers', () => {
  it('stand for a parser where they say so', async () => {
    for (const name of BUILT_TOOL_PARSERS) {
      expect(toolParserProblem(name)).toBeNull();
      expect(await loadToolParser(name), name).not.toBeNull();
    }
    for (const name of BUILT_REASONING_PARSERS) {
      expect(reasoningParserProblem(name)).toBeNull();
      expect(await loadReasoningParser(name), name).not.toBeNull();
    }
  });

  it("are refused in vLLM's words where vLLM does not know them", () => {
    expect(toolParserProblem('nope')).toMatch(
      /^invalid tool call parser: nope \(chose from \{ apertus,beam,.*,xlam \}\)$/,
    );
    expect(reasoningParserProblem('nope')).toMatch(
      /^invalid reasoning parser: nope \(chose from \{ beam,.*,step5 \}\)$/,
    );
  });

  it('are refused where only vLLM has the parser', async () => {
    expect(toolParserProblem('kimi_k3')).toMatch(
      /^--tool-call-parser kimi_k3 is not simulated: vLLM has this parser, the twin has deepseek_v3, /,
    );
    expect(await loadToolParser('kimi_k3')).toBeNull();
    expect(await loadReasoningParser('kimi_k3')).toBeNull();
  });
});
