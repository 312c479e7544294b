/** Prefill on one twin, decode on another: what a router of llm-d, or vLLM's toy_proxy_server.py, does with each request. */
import { startTwin } from 'vllm-twin/testing';

const MODEL = 'Qwen/Qwen3-0.6B';
const PORT = 20_000 + (process.pid % 10_000) * 2;
const start = (kvRole, nixlSideChannelPort) =>
  startTwin({
    model: MODEL,
    kvTransferConfig: { kv_connector: 'NixlConnector', kv_role: kvRole },
    nixlSideChannelPort,
  });
const twins = await Promise.all([start('kv_producer', PORT), start('kv_consumer', PORT + 1)]);
const [prefill, decode] = twins;

async function complete(twin, fields) {
  const response = await fetch(`${twin.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, ...fields }),
  });
  return response.json();
}

try {
  const prompt = 'The quick brown fox jumps over the lazy dog. '.repeat(40);
  // The prompt goes to the first one, for a single token; what it answers says where its KV cache is.
  const first = await complete(prefill, {
    prompt,
    max_tokens: 1,
    kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
  });
  const { remote_block_ids: blocks, ...where } = first.kv_transfer_params;
  console.log(`prefilled ${where.remote_num_tokens} tokens, in ${blocks[0].length} blocks`);

  // The second one reads it from there, and frees it there.
  const { kv_transfer_params } = first;
  const second = await complete(decode, { prompt, max_tokens: 20, kv_transfer_params });
  console.log(`decoded ${second.usage.completion_tokens} tokens`);

  const metrics = await decode.metrics();
  const source = 'external_kv_transfer';
  console.log(`loaded ${metrics.value('vllm:prompt_tokens_by_source_total', { source })} tokens`);
  console.log(`read ${metrics.value('vllm:nixl_bytes_transferred_count')} time`);
  const held = (await prefill.metrics()).value('vllm:kv_cache_usage_perc');
  console.log(`the first one holds ${held} of its KV cache`);
} finally {
  await Promise.all(twins.map((twin) => twin.stop()));
}
