/**
 * Tool parsers by the names of `--tool-call-parser`; each is loaded when it is asked for.
 * Source: vllm/tool_parsers/__init__.py, abstract_tool_parser.py ToolParserManager (0.33.0).
 */
import type { MakeEngine } from '../parsing/engine/engine-adapters.ts';
import type { ToolParser, ToolParserTraits } from '../parsing/tool-parser.ts';
import type { ParserOptions } from '../parsing/types.ts';

export interface ToolParserEntry {
  readonly traits: ToolParserTraits;
  /** Throws where the tokenizer lacks what the format needs. */
  readonly make: (options: ParserOptions) => ToolParser;
}

type Load = () => Promise<ToolParserEntry>;

const PLAIN: ToolParserTraits = {
  supportsRequiredAndNamed: true,
  structuralTagModel: null,
  keepsSpecialTokens: 'never',
};
const WITH_TOOLS: ToolParserTraits = { ...PLAIN, keepsSpecialTokens: 'with-tools' };
const ALWAYS: ToolParserTraits = { ...PLAIN, keepsSpecialTokens: 'always' };

/** A format whose calls a structural tag describes: required calls come in it too. */
function tagged(traits: ToolParserTraits, structuralTagModel: string): ToolParserTraits {
  return { ...traits, structuralTagModel, supportsRequiredAndNamed: false };
}

async function engineEntry(
  traits: ToolParserTraits,
  load: Promise<MakeEngine>,
): Promise<ToolParserEntry> {
  const [{ EngineToolParser }, make] = await Promise.all([
    import('../parsing/engine/engine-adapters.ts'),
    load,
  ]);
  return { traits, make: (options) => new EngineToolParser(options, make) };
}

const hermes: Load = async () => ({
  traits: tagged(WITH_TOOLS, 'hermes'),
  make: (await import('./hermes.ts')).makeHermes,
});
const llama3Json: Load = async () => ({
  traits: tagged(PLAIN, 'llama'),
  make: (await import('./llama3-json.ts')).makeLlama3Json,
});
const qwen3 = (): Promise<ToolParserEntry> =>
  engineEntry(
    tagged(ALWAYS, 'qwen_3_coder'),
    import('../parsing/formats/qwen3.ts').then((m) => m.makeQwen3),
  );
const glm = (): Promise<ToolParserEntry> =>
  engineEntry(
    tagged(ALWAYS, 'glm_4_7'),
    import('../parsing/formats/glm.ts').then((m) => m.makeGlm),
  );

/** Outputs of gpt-oss are read as a whole, not by a tool parser. */
function onlyGptOss(): never {
  throw new Error('it reads outputs of gpt-oss models alone');
}

const BUILT: Readonly<Record<string, Load>> = {
  deepseek_v3: async () => ({
    traits: tagged(PLAIN, 'deepseek_r1'),
    make: (await import('./deepseek-v3.ts')).makeDeepSeekV3,
  }),
  deepseek_v31: async () => ({
    traits: tagged(PLAIN, 'deepseek_v3_1'),
    make: (await import('./deepseek-v3.ts')).makeDeepSeekV31,
  }),
  deepseek_v32: () =>
    engineEntry(
      tagged(ALWAYS, 'deepseek_v3_2'),
      import('../parsing/formats/deepseek-dsml.ts').then((m) => m.makeDeepSeekV32),
    ),
  deepseek_v4: () =>
    engineEntry(
      tagged(ALWAYS, 'deepseek_v4'),
      import('../parsing/formats/deepseek-dsml.ts').then((m) => m.makeDeepSeekV4),
    ),
  ernie45: async () => ({ traits: PLAIN, make: (await import('./ernie45.ts')).makeErnie45 }),
  glm45: glm,
  glm47: glm,
  granite: () =>
    engineEntry(
      ALWAYS,
      import('../parsing/formats/granite.ts').then((m) => m.makeGranite),
    ),
  'granite-20b-fc': async () => ({
    traits: PLAIN,
    make: (await import('./granite-20b-fc.ts')).makeGranite20bFc,
  }),
  granite4: async () => ({
    traits: WITH_TOOLS,
    make: (await import('./granite4.ts')).makeGranite4,
  }),
  hermes,
  internlm: async () => ({
    traits: WITH_TOOLS,
    make: (await import('./internlm2.ts')).makeInternlm2,
  }),
  jamba: async () => ({ traits: WITH_TOOLS, make: (await import('./jamba.ts')).makeJamba }),
  kimi_k2: () =>
    engineEntry(
      tagged(WITH_TOOLS, 'kimi'),
      import('../parsing/formats/kimi-k2.ts').then((m) => m.makeKimiK2),
    ),
  llama3_json: llama3Json,
  llama4_json: llama3Json,
  llama4_pythonic: async () => ({
    traits: PLAIN,
    make: (await import('./pythonic.ts')).makeLlama4Pythonic,
  }),
  longcat: async () => ({
    traits: tagged(WITH_TOOLS, 'longcat'),
    make: (await import('./hermes.ts')).makeLongcat,
  }),
  mimo: () =>
    engineEntry(
      tagged(ALWAYS, 'mimo'),
      import('../parsing/formats/qwen3.ts').then((m) => m.makeMiMo),
    ),
  minimax_m2: () =>
    engineEntry(
      tagged(ALWAYS, 'minimax'),
      import('../parsing/formats/minimax-m2.ts').then((m) => m.makeMinimaxM2),
    ),
  mistral: async () => {
    const { makeMistral } = await import('../parsing/formats/mistral.ts');
    const { mistralSchema } = await import('../parsing/formats/mistral-array.ts');
    const traits = { ...ALWAYS, supportsRequiredAndNamed: false, forcedSchema: mistralSchema };
    return engineEntry(traits, Promise.resolve(makeMistral));
  },
  openai: async () => ({ traits: tagged(PLAIN, 'harmony'), make: onlyGptOss }),
  phi4_mini_json: async () => ({
    traits: PLAIN,
    make: (await import('./phi4-mini-json.ts')).makePhi4MiniJson,
  }),
  pythonic: async () => ({ traits: PLAIN, make: (await import('./pythonic.ts')).makePythonic }),
  qwen3_coder: qwen3,
  qwen3_json: hermes,
  qwen3_xml: qwen3,
  seed_oss: () =>
    engineEntry(
      ALWAYS,
      import('../parsing/formats/qwen3.ts').then((m) => m.makeSeedOss),
    ),
  step3: async () => ({ traits: WITH_TOOLS, make: (await import('./step3.ts')).makeStep3 }),
  step3p5: () =>
    engineEntry(
      tagged(ALWAYS, 'qwen_3_coder'),
      import('../parsing/formats/qwen3.ts').then((m) => m.makeStep3p5),
    ),
};

/** Null: the twin does not build it. */
export function loadToolParser(name: string): Promise<ToolParserEntry> | null {
  return Object.hasOwn(BUILT, name) ? (BUILT[name]?.() ?? null) : null;
}
