import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecording } from '../support/e2e-traffic.ts';
import { freePorts } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const isInstalled = spawnSync('promtool', ['--version']).error === undefined;
if (!isInstalled) {
  process.stderr.write(
    '\nSKIPPED: Prometheus is not installed (Debian package prometheus); its tests do not run\n\n',
  );
}

interface PromResult {
  readonly data: { readonly result: readonly { readonly metric: Record<string, string> }[] };
}

describe.skipIf(!isInstalled)('a real Prometheus that scrapes two unequal engines', () => {
  let twin: Twin;
  let prometheus: ChildProcess;
  let prometheusUrl: string;
  let url: string;
  const folder = mkdtempSync(join(tmpdir(), 'twin-prometheus-'));

  beforeAll(async () => {
    const overrides =
      '{"0": {"num_gpu_blocks_override": 1025}, "1": {"num_gpu_blocks_override": 2049}}';
    const ranks = ['--data-parallel-size', '2', '--engine-overrides', overrides];
    twin = new Twin(['serve', TINYMODEL, '--max-model-len', '1024', '--port', '0', ...ranks]);
    url = await twin.url();
    const config = {
      global: { scrape_interval: '200ms' },
      scrape_configs: [
        { job_name: 'vllm-twin', static_configs: [{ targets: [new URL(url).host] }] },
      ],
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const [port = 0] = await freePorts(1);
    prometheusUrl = `http://127.0.0.1:${port}`;
    const flags = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    prometheus = spawn('prometheus', flags, { stdio: 'ignore' });
  });

  afterAll(async () => {
    if (prometheus?.exitCode === null) {
      const ended = new Promise((resolve) => prometheus.once('exit', resolve));
      prometheus.kill('SIGKILL');
      await ended;
    }
    await twin?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("answers a PromQL query with each engine's own capacity", async () => {
    const query = async (): Promise<PromResult | null> => {
      const promql = encodeURIComponent('vllm:cache_config_info');
      try {
        const response = await fetch(`${prometheusUrl}/api/v1/query?query=${promql}`);
        return (await response.json()) as PromResult;
      } catch {
        return null;
      }
    };
    let answer: PromResult | null = null;
    await waitUntil('two samples of vllm:cache_config_info in Prometheus', async () => {
      answer = await query();
      return answer?.data.result.length === 2;
    });
    const labels = (answer as PromResult | null)?.data.result.map(({ metric }) => [
      metric['engine'],
      metric['kv_cache_size_tokens'],
      metric['kv_cache_max_concurrency'],
      metric['num_gpu_blocks'],
    ]);
    expect(labels?.sort()).toEqual([
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
