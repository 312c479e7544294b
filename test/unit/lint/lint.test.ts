import { describe, expect, it } from 'vitest';
import { lint } from '../../../src/index.ts';

const GONE = 'vllm:gpu_cache_usage_perc';

describe('lint(text)', () => {
  it('takes PromQL by itself', async () => {
    const { findings } = await lint(`max(${GONE})`, { vllm: '0.33.0' });
    expect(findings).toMatchObject([
      { file: '', line: 1, title: '', query: `max(${GONE})`, severity: 'error' },
    ]);
    expect(await lint('max(')).toMatchObject({ findings: [{ rule: 'promql-syntax' }] });
    expect(await lint('{__name__="up"}')).toEqual({ findings: [], problem: null });
  });

  it('takes a file, by its text or its name', async () => {
    const json = JSON.stringify({ panels: [{ title: 'P', targets: [{ expr: GONE }] }] });
    expect((await lint(json)).findings).toMatchObject([{ title: 'P' }]);
    const yaml = `groups:\n- rules:\n  - {alert: A, expr: ${GONE}}\n`;
    expect((await lint(yaml)).findings).toMatchObject([{ title: 'A', line: 3 }]);
    expect((await lint(yaml, { file: 'r.yaml' })).findings).toMatchObject([{ file: 'r.yaml' }]);
    expect(await lint('{"a": 1}')).toEqual({ findings: [], problem: null });
    expect((await lint('{', { file: 'd.json' })).problem).toMatchObject({ line: 1 });
  });

  it('leaves names that every web server has to others where nothing speaks of vLLM', async () => {
    const rules = (alert: string) =>
      `groups:\n- rules:\n  - {alert: ${alert}, expr: 'rate(http_requests_total{code="500"}[5m]) > 1'}\n`;
    expect((await lint(rules('Nginx'))).findings).toEqual([]);
    expect((await lint(rules('vLLMErrors'))).findings).toMatchObject([{ rule: 'unknown-label' }]);
    const alone = 'http_requests_total{status="500"}';
    expect((await lint(alone)).findings).toMatchObject([{ rule: 'label-value' }]);
  });

  it('is for the versions and features that are named', async () => {
    const lora = 'vllm:lora_requests_info';
    expect((await lint(lora)).findings).not.toEqual([]);
    expect((await lint(lora, { with: ['lora'] })).findings).toEqual([]);
    await expect(lint('up', { vllm: ['0.1.0'] })).rejects.toThrow(/vllm '0\.1\.0': no version/);
    await expect(lint('up', { with: 'nothing' })).rejects.toThrow(/with 'nothing': no feature/);
    await expect(lint('up', { vllm: '' })).rejects.toThrow(/vllm '': must name a version/);
    expect(await lint('up', { vllm: 'v0.33.0,0.28.0' })).toEqual({ findings: [], problem: null });
  });
});
