/** node:test, plain JavaScript: try … finally stops the twin. Run it with `node --test examples/testing/node-test.mjs`. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { startTwin } from 'vllm-twin/testing';

test('a smaller GPU is a smaller KV cache, and each engine says its own', async () => {
  const twin = await startTwin({
    model: 'Qwen/Qwen3-0.6B',
    dataParallelSize: 2,
    engineOverrides: { 1: { gpu: 'L4' } },
  });
  try {
    const [large, small] = twin.engines.map(({ capacity }) => capacity.kvCacheSizeTokens);
    assert.ok(large > 3 * small, `${large} and ${small} tokens`);
    const metrics = await twin.metrics();
    const { labels } = metrics.one('vllm:cache_config_info', { engine: 1 });
    assert.equal(Number(labels.kv_cache_size_tokens), small);
  } finally {
    await twin.stop();
  }
});
