/**
 * Heads that do not lie evenly on the ranks, or on one another.
 * Source: vllm/model_executor/layers/linear.py QKVParallelLinear, vllm/distributed/utils.py divide,
 * vllm/model_executor/layers/attention/attention.py Attention (0.33.0). Most model classes assert the same without a text.
 */
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig } from '../run-config.ts';
import { refused } from './refused.ts';

/** Classes whose attention has as many key heads as query heads, whatever the config.json says. */
const ONE_KEY_PER_QUERY: ReadonlySet<string> = new Set(['Zamba2ForCausalLM']);

/** Throws E_BAD_FLAG. */
export function checkAttentionHeads(model: ResolvedModel, run: RunConfig): void {
  if (model.useMla || model.isAttentionFree || ONE_KEY_PER_QUERY.has(model.architecture)) return;
  const { text, totalNumAttentionHeads: heads, totalNumKvHeads } = model;
  const usual = text.flag('attention_k_eq_v')
    ? text.numOr('num_key_value_heads', totalNumKvHeads)
    : totalNumKvHeads;
  const pairs = [{ heads, kvHeads: usual }];
  if (text.flag('attention_k_eq_v')) {
    pairs.push({ heads, kvHeads: text.numOr('num_global_key_value_heads', usual) });
  }
  if (text.has('swa_num_key_value_heads')) {
    const windowed = text.numOr('swa_num_attention_heads', heads);
    pairs.push({ heads: windowed, kvHeads: text.num('swa_num_key_value_heads') });
  }
  for (const pair of pairs) checkPair(pair, run.tensorParallelSize);
}

function checkPair(
  { heads, kvHeads }: { readonly heads: number; readonly kvHeads: number },
  tp: number,
): void {
  if (heads === 0 || kvHeads === 0) return;
  const [most, least] = kvHeads >= tp ? [kvHeads, tp] : [tp, kvHeads];
  if (most % least !== 0) {
    throw refused(
      `${most} is not divisible by ${least}: the number of KV heads (${kvHeads}) is neither a multiple nor a divisor of ` +
        `tensor parallel size (${tp}), and every GPU has to hold the same number of whole heads`,
    );
  }
  const own = heads / tp;
  const ownKeys = Math.max(1, Math.floor(kvHeads / tp));
  if (own % ownKeys !== 0) {
    throw refused(`num_heads (${own}) is not divisible by num_kv_heads (${ownKeys})`);
  }
}
