import { HfConfig } from '../../src/capacity/models/hf-config.ts';
import {
  type PoolingFacts,
  resolvePooling,
} from '../../src/capacity/models/pooling/pooling-facts.ts';
import { resolveRunner } from '../../src/capacity/models/pooling/runner.ts';
import { NO_SENTENCE_TRANSFORMERS } from '../../src/capacity/models/pooling/sentence-transformers.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

/** A small model that pools: by default embeddings of 32 elements of a generating architecture. */
export function testPooling(
  config: JsonObject = {},
  poolerConfig: JsonObject | null = null,
): PoolingFacts {
  const architecture = String(config['architecture'] ?? 'Qwen3ForCausalLM');
  const root = new HfConfig({ hidden_size: 32, ...config }, 'test model');
  const { convert } = resolveRunner(architecture, {
    runner: 'pooling',
    hasPoolingModule: false,
    isGenerative: architecture.endsWith('ForCausalLM'),
    isRegistered: architecture.endsWith('ForCausalLM'),
  });
  return resolvePooling({
    architecture,
    convert,
    root,
    text: root,
    sentenceTransformers: NO_SENTENCE_TRANSFORMERS,
    poolerConfig,
  });
}
