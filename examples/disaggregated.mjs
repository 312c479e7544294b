// Prefill on one twin, decode on another: what a router of llm-d, or vLLM's toy_proxy_server.py, does with each request.
import { startTwin } from 'vllm-twin/testing';

const start = (kvRole, sideChannelPort) =>
  startTwin({
    model: 'Qwen/Qwen3-0.6B',
    flags: {
      'kv-transfer-config': { kv_connector: 'NixlConnector', kv_role: kvRole },
      'nixl-side-channel-port': sideChannelPort,
    },
  });

const PORT = 5600 + (process.pid % 1000) * 2;
const [prefill, decode] = await Promise.all([
  start('kv_producer', PORT),
  start('kv_consumer', PORT + 1),
]);

const complete = async (twin, body) => {
  const response = await fetch(`${twin.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'Qwen/Qwen3-0.6B', ...body }),
  });
  return response.json();
};

// The prompt goes to the first one, for a single token; what it answers says where its KV cache is.
const prompt = 'The quick brown fox jumps over the lazy dog. '.repeat(40);
const first = await complete(prefill, {
  prompt,
  max_tokens: 1,
  kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
});
const { remote_block_ids: blocks, ...where } = first.kv_transfer_params;
console.log(
  `prefilled: ${blocks[0].length} blocks of ${where.remote_num_tokens} tokens, ${where.transfer_mode}`,
);

// The second one reads it from there, and frees it there.
const second = await complete(decode, {
  prompt,
  max_tokens: 20,
  kv_transfer_params: first.kv_transfer_params,
});
console.log(`decoded: ${second.usage.completion_tokens} tokens`);

const metric = async (twin, name) => {
  const text = await (await fetch(`${twin.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1) ?? Number.NaN,
  );
};
const EXTERNAL =
  'vllm:prompt_tokens_by_source_total{engine="0",model_name="Qwen/Qwen3-0.6B",source="external_kv_transfer"}';
console.log(`transferred: ${await metric(decode, EXTERNAL)} tokens`);
console.log(`transfers: ${await metric(decode, 'vllm:nixl_bytes_transferred_count')}`);
console.log(`expired: ${await metric(prefill, 'vllm:nixl_num_kv_expired_reqs_total')}`);

await Promise.all([prefill.stop(), decode.stop()]);
