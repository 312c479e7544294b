/**
 * Reasoning parsers by the names of `--reasoning-parser`; each is loaded when it is asked for.
 * Source: vllm/reasoning/__init__.py, abs_reasoning_parsers.py ReasoningParserManager (0.33.0).
 */
import type { MakeEngine } from '../parsing/engine/engine-adapters.ts';
import type { ReasoningParser } from '../parsing/reasoning-parser.ts';
import type { ParserOptions } from '../parsing/types.ts';

/** Throws where the tokenizer lacks the markers. */
export type MakeReasoningParser = (options: ParserOptions) => ReasoningParser;

type Load = () => Promise<MakeReasoningParser>;

async function engine(load: Promise<MakeEngine>): Promise<MakeReasoningParser> {
  const [{ EngineReasoningParser }, make] = await Promise.all([
    import('../parsing/engine/engine-adapters.ts'),
    load,
  ]);
  return (options) => new EngineReasoningParser(options, make);
}

const deepSeekR1: Load = async () => (await import('./thinking-tokens.ts')).makeDeepSeekR1;
const glm: Load = () => engine(import('../parsing/formats/glm.ts').then((m) => m.makeGlm));

const BUILT: Readonly<Record<string, Load>> = {
  deepseek_r1: deepSeekR1,
  deepseek_v3: async () => (await import('./no-reasoning.ts')).makeDeepSeekV3,
  deepseek_v4: () =>
    engine(import('../parsing/formats/deepseek-dsml.ts').then((m) => m.makeDeepSeekV4)),
  ernie45: async () => (await import('./thinking-tokens.ts')).makeErnie45,
  glm45: glm,
  glm47: glm,
  holo2: async () => (await import('./no-reasoning.ts')).makeHolo2,
  kimi_k2: () => engine(import('../parsing/formats/kimi-k2.ts').then((m) => m.makeKimiK2)),
  mimo: () => engine(import('../parsing/formats/qwen3.ts').then((m) => m.makeMiMo)),
  minimax_m2: () => engine(import('../parsing/formats/minimax-m2.ts').then((m) => m.makeMinimaxM2)),
  minimax_m2_append_think: async () => (await import('./no-reasoning.ts')).makeMinimaxM2AppendThink,
  mistral: () => engine(import('../parsing/formats/mistral.ts').then((m) => m.makeMistral)),
  nemotron_v3: () => engine(import('../parsing/formats/qwen3.ts').then((m) => m.makeNemotronV3)),
  openai_gptoss: async () => (await import('./no-reasoning.ts')).makeGptOss,
  qwen3: () => engine(import('../parsing/formats/qwen3.ts').then((m) => m.makeQwen3)),
  seed_oss: () => engine(import('../parsing/formats/qwen3.ts').then((m) => m.makeSeedOss)),
  step3: async () => (await import('./thinking-tokens.ts')).makeStep3,
  step3p5: () => engine(import('../parsing/formats/qwen3.ts').then((m) => m.makeStep3p5)),
  step5: deepSeekR1,
};

/** Null: the twin does not build it. */
export function loadReasoningParser(name: string): Promise<MakeReasoningParser> | null {
  return Object.hasOwn(BUILT, name) ? (BUILT[name]?.() ?? null) : null;
}
