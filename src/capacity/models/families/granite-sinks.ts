/** The attention sinks of Granite's windowed models. Source: vllm/model_executor/models/granite.py granite_layer_attn_params. */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** Files with layer types have sinks in all layers, unless they say otherwise. */
export function hasGraniteSinks(text: HfConfig): boolean {
  return text.hasKey('attention_sinks') ? text.flag('attention_sinks') : text.has('layer_types');
}

export function buildGraniteSinks(stage: StageBuilder, text: HfConfig, name: string): void {
  if (!hasGraniteSinks(text)) return;
  const heads = text.num('num_attention_heads');
  stage.tensor(`${name}.sinks`, [stage.perRank(heads, 'the number of attention heads')]);
}
