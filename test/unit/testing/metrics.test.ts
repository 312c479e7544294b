import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/testing/metrics.ts';

const metrics = new Metrics(`
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 5.0
vllm:num_preemptions_total{engine="0",model_name="m"} 7.0
`);

describe('the metrics of a scrape', () => {
  it('give the value of the one sample that is named', () => {
    expect(metrics.value('vllm:num_requests_running', { engine: 1 })).toBe(5);
    expect(metrics.value('vllm:num_preemptions_total')).toBe(7);
    expect(metrics.one('vllm:num_preemptions_total').labels).toEqual({
      engine: '0',
      model_name: 'm',
    });
    expect(metrics.all('vllm:num_requests_running')).toHaveLength(2);
    expect(metrics.all('vllm:num_requests_running', { engine: 2 })).toEqual([]);
  });

  it('never choose among engines, nor add them up', () => {
    expect(() => metrics.value('vllm:num_requests_running')).toThrow(
      '2 samples of vllm:num_requests_running fit, which are never summed: name one by its labels: ' +
        'vllm:num_requests_running{engine="0",model_name="m"}, vllm:num_requests_running{engine="1",model_name="m"}',
    );
  });

  it('say what there is where a sample is not', () => {
    expect(() => metrics.value('vllm:num_requests_running', { engine: 2 })).toThrow(
      'no sample vllm:num_requests_running{engine="2"}; there are vllm:num_requests_running{engine="0"',
    );
    expect(() => metrics.value('vllm:num_preemptions')).toThrow(
      'no sample vllm:num_preemptions; did you mean vllm:num_preemptions_total?',
    );
    expect(() => metrics.value('other')).toThrow(/^no sample other$/);
  });
});
