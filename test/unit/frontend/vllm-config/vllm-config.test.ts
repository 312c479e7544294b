import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../../../src/capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../../../../src/capacity/models/options-of-args.ts';
import { createParallelPlan } from '../../../../src/frontend/launch/parallel-plan.ts';
import { createVllmConfig } from '../../../../src/frontend/vllm-config/vllm-config.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../../src/shared/config/registry.ts';

const MODEL = 'test/golden/tinymodel';

function configOf(flags: Partial<EngineArgs>) {
  const args = { ...defaultEngineArgs(), model: MODEL, ...flags };
  const model = loadModelPlan(modelOptionsOf(args));
  return createVllmConfig({
    args,
    model,
    plan: createParallelPlan(args, model.facts.isMoe),
    engines: new Map(),
    tokenizer: MODEL,
    servedModelName: MODEL,
    maxModelLen: model.input.config.maxModelLen,
    apiProcessRank: 0,
  }).json;
}

describe('the configuration that /server_info shows', () => {
  it('has no KV transfer without a connector', () => {
    expect(configOf({})['kv_transfer_config']).toBeNull();
  });

  it('has the connector, in the fields and the order of vLLM', () => {
    const given = { kv_connector: 'NixlConnector', kv_role: 'kv_producer', engine_id: 'p' };
    expect(JSON.stringify(configOf({ kvTransferConfig: given })['kv_transfer_config'])).toBe(
      '{"kv_connector":"NixlConnector","engine_id":"p","kv_buffer_device":"cuda","kv_role":"kv_producer",' +
        '"kv_port":14579,"kv_connector_extra_config":{},"kv_connector_module_path":null,' +
        '"enable_permute_local_kv":false,"kv_load_failure_policy":"fail"}',
    );
  });

  it('has the connector that offloading stands for', () => {
    expect(configOf({ kvOffloadingSize: 2 })['kv_transfer_config']).toMatchObject({
      kv_connector: 'OffloadingConnector',
      kv_role: 'kv_both',
      kv_connector_extra_config: { cpu_bytes_to_use: 2 * 2 ** 30 },
    });
  });

  it('says how outputs are held and read, and what is measured', () => {
    const config = configOf({
      reasoningParser: 'qwen3',
      structuredOutputsConfig: { backend: 'guidance' },
      enableMfuMetrics: true,
    });
    expect(config['structured_outputs_config']).toMatchObject({
      backend: 'guidance',
      reasoning_parser: 'qwen3',
      enable_in_reasoning: false,
    });
    expect(config['observability_config']).toMatchObject({ enable_mfu_metrics: true });
  });
});
