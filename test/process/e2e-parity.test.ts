import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  firstAnswerDifference,
  type Recording,
  readRecording,
  sendScenario,
  warmUp,
} from '../support/e2e-traffic.ts';
import { metricsDifferences } from '../support/metrics-parity.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

/** The recorded traffic, against the twin with two unequal engines as they were recorded with vLLM's Python frontend. */
describe('the traffic that the Python frontend was recorded with', () => {
  let twin: Twin;
  let answers: Recording['answers'];
  let metrics: string;
  const recorded = readRecording('vllm-python-frontend.json');

  beforeAll(async () => {
    const sizes = ['--num-gpu-blocks-override', '1025'];
    const overrides = ['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}'];
    const words = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
    const ranks = ['--data-parallel-size', '2', '--dp-metrics', 'vllm'];
    twin = new Twin(['serve', TINYMODEL, ...words, ...ranks, ...sizes, ...overrides]);
    const url = await twin.url();
    await warmUp(url);
    answers = await sendScenario(url);
    metrics = await (await fetch(`${url}/metrics`)).text();
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('gets the same answers', () => {
    expect(firstAnswerDifference(recorded.answers, answers)).toBeNull();
  });

  it('leaves the same vllm metrics behind', () => {
    expect(metricsDifferences(recorded.metrics.text, metrics)).toEqual([]);
  });

  it('counts the same HTTP requests', () => {
    const counts = (text: string): readonly string[] =>
      text
        .split('\n')
        .filter((line) => /^http_(requests_total|request_size_bytes)/.test(line))
        .map((line) => line.replace(/\.0$/, ''))
        .sort();
    const requests = (text: string) =>
      counts(text).filter((line) => line.includes('requests_total'));
    expect(requests(metrics)).toEqual(requests(recorded.metrics.text));
  });

  it('ends by itself with exit code 0 when told to', async () => {
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });
});
