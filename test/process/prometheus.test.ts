import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecording, sendScenario, warmUp } from '../support/e2e-traffic.ts';
import { isPrometheusInstalled, Prometheus, type PromLabels } from '../support/prometheus.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const isInstalled = isPrometheusInstalled();

describe.skipIf(!isInstalled)('a real Prometheus that scrapes two unequal engines', () => {
  let twin: Twin;
  let prometheus: Prometheus;
  let url: string;

  beforeAll(async () => {
    const overrides =
      '{"0": {"num_gpu_blocks_override": 1025}, "1": {"num_gpu_blocks_override": 2049}}';
    const ranks = ['--data-parallel-size', '2', '--engine-overrides', overrides];
    twin = new Twin(['serve', TINYMODEL, '--max-model-len', '1024', '--port', '0', ...ranks]);
    url = await twin.url();
    prometheus = await Prometheus.start({ 'vllm-twin': url });
  });

  afterAll(async () => {
    await prometheus?.stop();
    await twin?.stop();
  });

  it("answers a PromQL query with each engine's own capacity", async () => {
    let found: readonly PromLabels[] = [];
    await waitUntil('two samples of vllm:cache_config_info in Prometheus', async () => {
      found = await prometheus.query('vllm:cache_config_info');
      return found.length === 2;
    });
    const labels = found.map((metric) => [
      metric['engine'],
      metric['kv_cache_size_tokens'],
      metric['kv_cache_max_concurrency'],
      metric['num_gpu_blocks'],
    ]);
    expect(labels.sort()).toEqual([
      ['0', '16400', '16.015625', '3074'],
      ['1', '32784', '32.015625', '3074'],
    ]);
  });

  it("finds nothing in our body that promtool would not say of vLLM's own", async () => {
    const complaints = (body: string): readonly string[] => {
      const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: body,
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    };
    const theirs = readRecording('vllm-python-frontend.json').metrics.text;
    const ours = await (await fetch(`${url}/metrics`)).text();
    const known = new Set(complaints(theirs));
    expect(complaints(ours).filter((line) => !known.has(line))).toEqual([]);
  });
});

/** What only a Python process has; a Node process has no such collectors. */
const OF_PYTHON = /^python_/;

describe.skipIf(!isInstalled)('a real Prometheus on its defaults', () => {
  const recorded = readRecording('vllm-python-frontend.json').metrics;
  let twin: Twin;
  let vllm: Server;
  let prometheus: Prometheus;

  beforeAll(async () => {
    // As vLLM: whatever the scraper accepts, it gets the text format.
    vllm = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': recorded.content_type }).end(recorded.text);
    });
    await new Promise<void>((resolve) => vllm.listen(0, '127.0.0.1', resolve));
    const words = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
    twin = new Twin(['serve', TINYMODEL, ...words, '--data-parallel-size', '2']);
    const url = await twin.url();
    await warmUp(url);
    await sendScenario(url);
    const { port } = vllm.address() as AddressInfo;
    prometheus = await Prometheus.start({ vllm: `http://127.0.0.1:${port}`, twin: url });
    await prometheus.waitUntilScraped(['vllm', 'twin']);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await twin?.stop();
    await new Promise((resolve) => vllm?.close(resolve));
  });

  it('holds of the twin the names that it holds of vLLM, and as many series of each', async () => {
    const seriesByName = async (job: string): Promise<Readonly<Record<string, number>>> => {
      const counts: Record<string, number> = {};
      for (const { __name__: name = '' } of await prometheus.query(`{job="${job}"}`))
        if (!OF_PYTHON.test(name)) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    };
    const ofVllm = await seriesByName('vllm');
    expect(Object.keys(ofVllm).filter((name) => name.startsWith('vllm:')).length).toBe(104);
    expect(await seriesByName('twin')).toEqual(ofVllm);
  });

  it('holds the same metadata', async () => {
    const metadataOf = async (job: string): Promise<readonly string[]> =>
      (await prometheus.metadata(job))
        .filter(({ metric }) => !OF_PYTHON.test(metric))
        .map(({ metric, type, help }) => `${metric} ${type} ${help}`)
        .sort();
    const ofVllm = await metadataOf('vllm');
    expect(ofVllm.length).toBeGreaterThan(60);
    expect(await metadataOf('twin')).toEqual(ofVllm);
  });
});
