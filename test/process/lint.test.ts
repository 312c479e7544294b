/** `vllm-twin lint` as people run it: exit codes, standard input, and a simulated day that a real Prometheus is asked of. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPrometheusInstalled } from '../support/prometheus.ts';
import { simulateHistory } from '../support/simulated-history.ts';
import { CLI_MAIN } from '../support/twin.ts';

const GONE = 'vllm:gpu_cache_usage_perc';
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'twin-lint-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function lint(words: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}) {
  const env = { ...process.env, ...options.env };
  const input = options.input ?? '';
  return spawnSync(process.execPath, [CLI_MAIN, 'lint', ...words], {
    encoding: 'utf8',
    input,
    env,
  });
}

describe('the command', () => {
  it('ends with 0, 1 or 2', () => {
    expect(lint(['--query', 'sum(vllm:num_requests_running)']).status).toBe(0);
    expect(lint(['--query', GONE]).status).toBe(1);
    expect(lint([join(folder, 'none.yaml')])).toMatchObject({ status: 2 });
    const bad = lint(['--vllm', '0.0.1', '--query', GONE]);
    expect(bad).toMatchObject({ status: 2, stdout: '' });
    expect(bad.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('reads standard input, a file or PromQL', () => {
    const rules = `groups: [{rules: [{alert: A, expr: "${GONE} > 1"}]}]`;
    const asFile = lint(['-', '--json'], { input: rules });
    expect(JSON.parse(asFile.stdout).findings).toMatchObject([{ title: 'A' }]);
    expect(lint(['-'], { input: `max(${GONE})\n` }).stdout).toContain('^^^^');
  });

  it('says of several versions what an upgrade breaks', () => {
    const ours = lint(['deploy', '--vllm', '0.28.0,0.33.0', '--json']);
    expect(JSON.parse(ours.stdout)).toMatchObject({ unreadable: [] });
    const query = 'rate(vllm:admission_rejections_total[5m])';
    const later = lint(['--query', query, '--vllm', '0.28.0,0.33.0', '--json']);
    expect(later.status).toBe(1);
    const { findings } = JSON.parse(later.stdout);
    expect(findings).toMatchObject([{ rule: 'metric-not-yet' }]);
    expect(findings[0].message).toMatch(/\[in 0\.28\.0, not in 0\.33\.0\]$/);
  });
});

describe.skipIf(!isPrometheusInstalled())('--live with a simulated day', () => {
  const day = () => join(folder, 'day.om');
  beforeAll(async () => {
    const scenario = join(folder, 'day.yaml');
    writeFileSync(
      scenario,
      `name: day
flags: [Qwen/Qwen3-0.6B, --data-parallel-size, "2"]
steps:
  - at: 0s
    load: {rate: 5/s, prompt_tokens: 64, output_tokens: 16}
`,
    );
    const target = { job: 'vllm', instance: 'a:8000' };
    await simulateHistory({ scenario, duration: '3m', openmetrics: day(), target });
  });

  it('has both verdicts of each query, and leaves nothing behind', () => {
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const queries = [
      `max(${GONE})`,
      'sum(rate(vllm:prompt_tokens_total{model_name="$model"}[$__rate_interval])) > 1e9',
      'sum(vllm:num_requests_running{job="other"})',
    ];
    const words = ['--json', '--live', day(), ...queries.flatMap((query) => ['--query', query])];
    const { status, stdout, stderr } = lint(words, { env: { TMPDIR: temporary } });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    const { findings, live } = JSON.parse(stdout);
    expect(live.queries.map(({ result }: { result: string }) => result)).toEqual([
      'empty',
      'data',
      'empty',
    ]);
    expect(findings.map(({ rule }: { rule: string }) => rule)).toEqual([
      'metric-removed',
      'live-empty',
    ]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('says that it needs Prometheus where that is not installed', () => {
    const { status, stderr } = lint(['--live', day(), '--query', 'up'], { env: { PATH: folder } });
    expect(status).toBe(2);
    expect(stderr).toContain('needs promtool on PATH');
  });
});
