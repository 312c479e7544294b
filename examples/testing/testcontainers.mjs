/** testcontainers, node:test: the image as a container. Wants `npm install testcontainers` and a container engine. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { GenericContainer, Wait } from 'testcontainers';

test('a twin in a container answers', async () => {
  const container = await new GenericContainer('vllm-twin:local')
    .withCommand(['serve', 'Qwen/Qwen3-0.6B', '--host', '0.0.0.0', '--enable-twin-api'])
    .withExposedPorts(8000)
    .withWaitStrategy(Wait.forHttp('/health', 8000))
    .start();
  try {
    const url = `http://${container.getHost()}:${container.getMappedPort(8000)}`;
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^vllm:num_requests_running\{.*engine="0".*\} 0\.0$/m);
  } finally {
    await container.stop();
  }
});
