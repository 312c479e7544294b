/** BLIP-2's query transformer, whole on every rank and never quantized. Source: vllm/model_executor/models/blip2.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** Blip2QFormerModel as the module `name`. */
export function buildQFormer(stage: StageBuilder, config: HfConfig, name: string): void {
  const width = config.num('hidden_size');
  const intermediate = config.num('intermediate_size');
  const period = config.num('cross_attention_frequency');
  stage.norm(`${name}.layernorm`, width, { bias: true });
  for (let layer = 0; layer < config.num('num_hidden_layers'); layer++) {
    const prefix = `${name}.encoder.layer.${layer}`;
    buildAttention(stage, `${prefix}.attention`, width, width);
    if (layer % period === 0) {
      buildAttention(stage, `${prefix}.crossattention`, width, config.num('encoder_hidden_size'));
    }
    linear(stage, `${prefix}.intermediate_query.dense`, width, intermediate);
    linear(stage, `${prefix}.output_query.dense`, intermediate, width);
    stage.norm(`${prefix}.output_query.LayerNorm`, width, { bias: true });
  }
}

function buildAttention(stage: StageBuilder, name: string, width: number, keyWidth: number): void {
  linear(stage, `${name}.attention.query`, width, width);
  linear(stage, `${name}.attention.key`, keyWidth, width);
  linear(stage, `${name}.attention.value`, keyWidth, width);
  linear(stage, `${name}.output.dense`, width, width);
  stage.norm(`${name}.output.LayerNorm`, width, { bias: true });
}
