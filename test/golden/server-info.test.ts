import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../src/capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../../src/capacity/models/options-of-args.ts';
import { createParallelPlan } from '../../src/frontend/launch/parallel-plan.ts';
import { createVllmConfig } from '../../src/frontend/vllm-config/vllm-config.ts';
import { defaultEngineArgs, type EngineArgs } from '../../src/shared/config/registry.ts';

type Json = Readonly<Record<string, unknown>>;

interface Case {
  readonly name: string;
  readonly args: Json;
  readonly json: Json;
  readonly text: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL('./server-info.json', import.meta.url), 'utf8'),
) as { cases: readonly Case[] };

/** What follows from the GPU's compiler, and free ports. */
const NOT_OURS = ['compilation_config', 'kernel_config'];
const CHANCE = ['data_parallel_master_port', '_data_parallel_master_port_list'];

const MODEL = 'test/golden/tinymodel';

function configOf(given: Json) {
  const { _api_process_count: apiServerCount = null, _api_process_rank: rank, ...flags } = given;
  const named = Object.entries(flags).map(([name, value]) => [
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const args = {
    ...defaultEngineArgs(),
    model: MODEL,
    ...Object.fromEntries(named),
    apiServerCount,
  } as EngineArgs;
  const model = loadModelPlan(modelOptionsOf(args));
  return createVllmConfig({
    args,
    model,
    plan: createParallelPlan(args, model.facts.isMoe),
    engines: new Map(),
    tokenizer: MODEL,
    servedModelName: args.servedModelName[0] ?? MODEL,
    maxModelLen: model.input.config.maxModelLen,
    apiProcessRank: typeof rank === 'number' ? rank : 0,
  });
}

function comparable(json: Json): Json {
  const parallel = { ...(json['parallel_config'] as Json) };
  for (const name of CHANCE) delete parallel[name];
  const sections = Object.entries(json).filter(([name]) => !NOT_OURS.includes(name));
  return { ...Object.fromEntries(sections), parallel_config: parallel };
}

/** Every key as `section.key`, in order. */
function keysOf(json: Json): readonly string[] {
  return Object.entries(json).flatMap(([name, section]) =>
    typeof section === 'object' && section !== null
      ? Object.keys(section).map((key) => `${name}.${key}`)
      : [name],
  );
}

describe("VllmConfig as vLLM's /server_info shows it", () => {
  it.each(cases)('with flags of the $name has its keys, their order and its values', (recorded) => {
    const { json } = configOf(recorded.args);
    expect(keysOf(json)).toEqual(keysOf(recorded.json));
    expect(comparable(json)).toEqual(comparable(recorded.json));
  });

  it.each(cases)('with flags of the $name reads the same as text', (recorded) => {
    const withoutCompiler = (text: string) =>
      text.replace(/compilation_config=\{.*\}, kernel_config=.*$/, '');
    expect(withoutCompiler(configOf(recorded.args).text)).toBe(withoutCompiler(recorded.text));
  });
});
