/** How many tokens the KV cache of some models holds on some GPUs: the library call `explainCapacity`, as a table. */
import { explainCapacity } from 'vllm-twin';

const models = [
  'Qwen/Qwen3-0.6B',
  'meta-llama/Llama-3.1-8B',
  'google/gemma-3-27b-it',
  'openai/gpt-oss-20b',
];
const gpus = ['L4', 'A100-80GB', 'H100'];
const maxModelLen = 8192;

console.log(`tokens in the KV cache, --max-model-len ${maxModelLen}`);
console.log(`${'model'.padEnd(26)}${gpus.map((gpu) => gpu.padStart(14)).join('')}`);
for (const model of models) {
  const cells = gpus.map((gpu) => {
    const { plan } = explainCapacity({ model, gpu, maxModelLen });
    // A plan that fails says why in plan.error, in vLLM's words.
    return plan.ok ? plan.kv_cache_size_tokens.toLocaleString('en') : 'does not fit';
  });
  console.log(`${model.padEnd(26)}${cells.map((cell) => cell.padStart(14)).join('')}`);
}
