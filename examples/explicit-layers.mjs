/**
 * A model that no catalogue has, said layer by layer: 8 layers of full attention and 24 with a window of 1,024 tokens.
 * The same planning problem goes through the library call `explainInput` and, as a file, through `--kv-cache-specs`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explainInput } from 'vllm-twin';

const attention = { block_size: 16, num_kv_heads: 8, head_size: 128, dtype: 'bfloat16' };
const input = {
  config: {
    max_model_len: 32_768,
    max_num_batched_tokens: 8_192,
    max_num_seqs: 256,
    max_in_flight_tokens: 8_192,
    max_num_encoder_input_tokens: 8_192,
    num_prefill_lookahead_tokens: 0,
    initial_block_size: 16,
    pipeline_parallel_size: 1,
    decode_context_parallel_size: 1,
    cp_kv_cache_interleave_size: 1,
    enable_prefix_caching: true,
    num_gpu_blocks_override: null,
    prefix_match_unit: null,
  },
  layout: { supported: ['LBNHC'], requested: null },
  spec_table: [
    { kind: 'full_attention', ...attention },
    { kind: 'sliding_window', ...attention, sliding_window: 1_024 },
  ],
  // Every fourth layer sees everything: [name, index into spec_table].
  layer_sets: [Array.from({ length: 32 }, (_, i) => [`layers.${i}`, i % 4 === 3 ? 0 : 1])],
  workers: [{ layer_set: 0, available_memory: 20 * 2 ** 30 }],
};

const { plan } = explainInput(input);
console.log(
  `by the library call: ${plan.kv_cache_size_tokens} tokens in ${plan.num_blocks} blocks`,
);

const folder = mkdtempSync(join(tmpdir(), 'explicit-layers-'));
try {
  const file = join(folder, 'layers.json');
  writeFileSync(file, JSON.stringify({ id: 'mine', input }));
  const main = fileURLToPath(new URL('../bin/vllm-twin.cjs', import.meta.resolve('vllm-twin')));
  const words = ['explain', '--kv-cache-specs', file, '--json'];
  const explained = JSON.parse(
    execFileSync(process.execPath, [main, ...words], { encoding: 'utf8' }),
  );
  console.log(`by --kv-cache-specs: ${explained.plan.kv_cache_size_tokens} tokens`);
} finally {
  rmSync(folder, { recursive: true });
}
