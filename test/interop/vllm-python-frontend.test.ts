/**
 * Two of our headless engines behind the real `vllm serve` in Python: what it answers and counts, compared with what it
 * answered and counted over vLLM's own engines.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONSTRAINED_REQUESTS, expectConstrained } from '../support/constrained-requests.ts';
import {
  firstAnswerDifference,
  genTokens,
  type Recording,
  readRecording,
  sendScenario,
  warmUp,
} from '../support/e2e-traffic.ts';
import { freePorts } from '../support/free-ports.ts';
import { metricsDifferences } from '../support/metrics-parity.ts';
import { RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import {
  findVllmPython,
  VLLM_CLI,
  VLLM_PYTHON_ENV,
  VLLM_START_DEADLINE_MS,
  waitForHealth,
} from '../support/vllm-python.ts';

const python = findVllmPython();
const skipReason = python.path === null ? ` (SKIPPED: ${python.reason})` : '';

interface Completion {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

/** Python's frontend puts into one chunk what the engine sent while it was busy: the number of chunks is a matter of time. */
function withoutChunkCounts(recorded: Recording['answers']): Recording['answers'] {
  return recorded.map(({ step, answers }) => ({
    step,
    answers: answers.map(({ chunks: _chunks, ...answer }) => answer),
  }));
}

/** vLLM's CPU platform resets one cache setting before anybody joins; the recording is of a platform that leaves it. */
function onGpu(metrics: string): string {
  return metrics.replaceAll('mamba_ssm_cache_dtype="float32"', 'mamba_ssm_cache_dtype="auto"');
}

describe.skipIf(python.path === null)(`Python vllm serve over our engines${skipReason}`, () => {
  let frontend: RunningProcess;
  let engines: Twin;
  let url = '';

  beforeAll(async () => {
    const [http = 0, handshake = 0] = await freePorts(2);
    url = `http://127.0.0.1:${http}`;
    const ranks = ['--data-parallel-size', '2', '--data-parallel-address', '127.0.0.1'];
    const shared = [...ranks, '--data-parallel-rpc-port', `${handshake}`];
    frontend = new RunningProcess(
      python.path ?? '',
      [
        ...[...VLLM_CLI, 'serve', TINYMODEL, '--served-model-name', 'tiny', ...shared],
        ...['--data-parallel-size-local', '0', '--api-server-count', '1'],
        ...['--max-model-len', '1024', '--host', '127.0.0.1', '--port', `${http}`],
      ],
      { env: VLLM_PYTHON_ENV },
    );
    engines = new Twin([
      ...['serve', TINYMODEL, '--headless', ...shared, '--data-parallel-size-local', '2'],
      ...['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'],
      ...['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}'],
      ...['--token-source', 'rule'],
    ]);
    await waitForHealth(url, [frontend, engines]);
  }, VLLM_START_DEADLINE_MS + 60_000);

  afterAll(async () => {
    await Promise.all([frontend?.stop(), engines?.stop()]);
  }, 60_000);

  async function send(body: object): Promise<string> {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', ...body }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return text;
  }

  it('answers the recorded traffic as over vLLM engines, and counts the same', async () => {
    const recorded = readRecording('vllm-python-frontend.json');
    await warmUp(url);
    const answers = await sendScenario(url);
    expect(
      firstAnswerDifference(withoutChunkCounts(recorded.answers), withoutChunkCounts(answers)),
    ).toBeNull();
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metricsDifferences(recorded.metrics.text, onGpu(metrics))).toEqual([]);
  });

  it.each(CONSTRAINED_REQUESTS)('holds a chat to %s', async (_, fields, isConform) => {
    await expectConstrained(url, fields, isConform);
  });

  it('hears the cache of both engines and counts the requests of each', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const lines = metrics.split('\n');
    const caches = lines.filter((line) => line.startsWith('vllm:cache_config_info{'));
    expect(caches.map((line) => /engine="(\d)"/.exec(line)?.[1]).sort()).toEqual(['0', '1']);
    const counts = lines.filter((line) => line.startsWith('vllm:request_success_total{'));
    for (const engine of ['0', '1']) {
      const ofEngine = counts.filter((line) => line.includes(`engine="${engine}"`));
      const sum = ofEngine.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
      expect(sum, `requests of engine ${engine}`).toBeGreaterThan(0);
    }
  });

  it('streams the text that it answers in one piece', async () => {
    const request = { prompt: genTokens(31, 50), max_tokens: 40, ignore_eos: true };
    const plain = JSON.parse(await send(request)) as Completion;
    expect(plain.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 40 });
    expect(plain.choices.map(({ finish_reason }) => finish_reason)).toEqual(['length']);
    const events = (await send({ ...request, stream: true }))
      .split('\n')
      .filter((line) => line.startsWith('data: '));
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Completion);
    const texts = chunks.flatMap(({ choices }) => choices).map(({ text }) => text);
    expect(texts.join('')).toBe(plain.choices[0]?.text);
  });

  it('is left by engines that end by themselves when it is gone', async () => {
    await frontend.stop();
    const { code, signal } = await engines.waitForExit();
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(engines.log).toContain('The frontend has been gone for 3 s');
  });
});
