/**
 * What vLLM refuses of the parallel sizes, by themselves and with the model.
 * Source: vllm/config/parallel.py ParallelConfig._validate_parallel_config, vllm/config/model.py
 * ModelConfig.verify_with_parallel_config (0.33.0). Leaves out: prefill context parallelism, expert load balancing.
 */
import type { ModelOptions } from '../model-options.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import { refused } from './refused.ts';
import { WITHOUT_PIPELINE } from './without-pipeline.ts';

/** Every worker gets a plan of its own. */
const MOST_WORKERS = 4096;

/** Throws E_BAD_FLAG. Before the model is looked at. */
export function checkParallelSizes(options: ModelOptions): void {
  const { tensorParallelSize: tp = 1, decodeContextParallelSize: dcp = 1 } = options;
  if (tp % dcp !== 0) throw refused(`tp_size=${tp} must be divisible by dcp_size=${dcp}.`);
}

/** Throws E_BAD_FLAG with vLLM's words. */
export function checkParallelWithModel(model: ResolvedModel, options: ModelOptions): void {
  const { tensorParallelSize: tp = 1, pipelineParallelSize: pp = 1 } = options;
  if (tp * pp > MOST_WORKERS) {
    throw refused(
      `--tensor-parallel-size ${tp} × --pipeline-parallel-size ${pp} are more than ${MOST_WORKERS} workers`,
    );
  }
  const heads = model.totalNumAttentionHeads;
  if (heads % tp !== 0) {
    throw refused(
      `Total number of attention heads (${heads}) must be divisible by tensor parallel size (${tp}).`,
    );
  }
  if (options.enableExpertParallel === true && model.numExperts === 0) {
    throw refused(
      'Number of experts in the model must be greater than 0 when expert parallelism is enabled.',
    );
  }
  if (pp > 1 && WITHOUT_PIPELINE.has(model.architecture)) {
    throw refused(
      'Pipeline parallelism is not supported for this model. Supported models implement the `SupportsPP` interface.',
    );
  }
  checkDecodeContext(model, tp, options.decodeContextParallelSize ?? 1);
}

function checkDecodeContext(model: ResolvedModel, tp: number, dcp: number): void {
  const kvHeads = model.totalNumKvHeads;
  if (dcp === 1 || model.useMla || kvHeads === 0) return;
  if (tp <= kvHeads) {
    throw refused(
      `Decode context parallelism for GQA/MQA requires \`--tensor-parallel-size\` (${tp}) to be greater than the model's ` +
        `total number of KV heads (${kvHeads}). Increase \`--tensor-parallel-size\` or set \`--decode-context-parallel-size 1\`.`,
    );
  }
  const most = Math.floor(tp / kvHeads);
  if (dcp > most) {
    throw refused(
      `\`--decode-context-parallel-size\` (${dcp}) exceeds the maximum supported value (${most}) for ` +
        `\`--tensor-parallel-size\` (${tp}) and ${kvHeads} model KV heads.`,
    );
  }
  const queriesPerKey = Math.floor(model.totalNumAttentionHeads / kvHeads);
  if (queriesPerKey % dcp !== 0) {
    throw refused(
      `The model's number of query heads per KV head (${queriesPerKey}) must be divisible by ` +
        `\`--decode-context-parallel-size\` (${dcp}) for GQA/MQA.`,
    );
  }
}
