/**
 * The names of `--tool-call-parser` and `--reasoning-parser`, and which of them this twin reads outputs for.
 * Source: vllm/tool_parsers/__init__.py, vllm/reasoning/__init__.py (0.33.0).
 */

/** By name: whether it is built. */
const TOOL_PARSERS: Readonly<Record<string, boolean>> = {
  apertus: false,
  beam: false,
  cohere_command3: false,
  cohere_command4: false,
  deepseek_v3: true,
  deepseek_v31: true,
  deepseek_v32: true,
  deepseek_v4: true,
  deepseek_v41: false,
  dots: false,
  ernie45: true,
  functiongemma: false,
  gemma4: false,
  gigachat3: false,
  glm45: true,
  glm47: true,
  granite: true,
  'granite-20b-fc': true,
  granite4: true,
  hermes: true,
  hf: false,
  hunyuan_a13b: false,
  hy_v3: false,
  hy_v4: false,
  inkling: false,
  internlm: true,
  jamba: true,
  k2_horizon: false,
  kimi_k2: true,
  kimi_k3: false,
  lfm2: false,
  ling3: false,
  llama3_json: true,
  llama4_json: true,
  llama4_pythonic: true,
  longcat: true,
  mimo: true,
  minicpm5: false,
  minimax_m2: true,
  minimax_m3: false,
  mistral: true,
  muse: false,
  muse_glimmer: false,
  musespark1x: false,
  olmo3: false,
  openai: true,
  phi4_mini_json: true,
  plamo3: false,
  poolside_v1: false,
  pythonic: true,
  qwen3_coder: true,
  qwen3_json: true,
  qwen3_xml: true,
  seed_oss: true,
  step3: true,
  step3p5: true,
  step5: false,
  xlam: false,
};

const REASONING_PARSERS: Readonly<Record<string, boolean>> = {
  beam: false,
  cohere_command3: false,
  cohere_command4: false,
  deepseek_r1: true,
  deepseek_v3: true,
  deepseek_v4: true,
  deepseek_v41: false,
  ernie45: true,
  gemma4: false,
  glm45: true,
  glm47: true,
  granite: false,
  granite_thinking_parser: false,
  hf: false,
  holo2: true,
  hunyuan_a13b: false,
  hy_v3: false,
  hy_v4: false,
  inkling: false,
  k2_horizon: false,
  kimi_k2: true,
  kimi_k3: false,
  ling3: false,
  mimo: true,
  minicpmv: false,
  minimax_m2: true,
  minimax_m2_append_think: true,
  minimax_m3: false,
  mistral: true,
  muse: false,
  muse_glimmer: false,
  musespark1x: false,
  nemotron_v3: true,
  olmo3: false,
  openai_gptoss: true,
  plamo3: false,
  poolside_v1: false,
  qwen3: true,
  seed_oss: true,
  step3: true,
  step3p5: true,
  step5: true,
};

function builtNames(parsers: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.keys(parsers).filter((name) => parsers[name] === true);
}

export const BUILT_TOOL_PARSERS = builtNames(TOOL_PARSERS);
export const BUILT_REASONING_PARSERS = builtNames(REASONING_PARSERS);

/** What is wrong with a name; null for one that is built. An unknown one is refused in vLLM's words. */
export function toolParserProblem(name: string): string | null {
  return problem('tool call', '--tool-call-parser', name, TOOL_PARSERS);
}

export function reasoningParserProblem(name: string): string | null {
  return problem('reasoning', '--reasoning-parser', name, REASONING_PARSERS);
}

function problem(
  kind: string,
  flag: string,
  name: string,
  parsers: Readonly<Record<string, boolean>>,
): string | null {
  const isBuilt = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (isBuilt === true) return null;
  if (isBuilt === undefined) {
    return `invalid ${kind} parser: ${name} (chose from { ${Object.keys(parsers).join(',')} })`;
  }
  return `${flag} ${name} is not simulated: vLLM has this parser, the twin has ${builtNames(parsers).join(', ')}`;
}
