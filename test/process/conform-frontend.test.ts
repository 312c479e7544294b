/**
 * `conform frontend` over our own frontend: an honest one passes every check, and for each check there is a broken one that
 * fails it and no other.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/conform/check.ts';
import { FRONTEND_CHECKS } from '../../src/conform/frontend/checks.ts';
import { SPOILS } from '../../src/conform/frontend/frontend-options.ts';
import { runFrontendChecks } from '../../src/conform/frontend/run-frontend-checks.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import {
  BROKEN_FRONTENDS,
  type BrokenFrontend,
  FAULTY_FRONTENDS,
  FURTHER_BROKEN_FRONTENDS,
} from '../support/broken-frontends.ts';
import { type BreakHttp, brokenFetch, metricsLines } from '../support/broken-http.ts';
import { freePorts } from '../support/free-ports.ts';
import { mutatingTransport } from '../support/mutating-transport.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { TwinFaults } from '../support/twin-faults.ts';

const RUN_MS = 30_000;
const LOG_LINES = 6;
const IDS = FRONTEND_CHECKS.map(({ id }) => id);

const REFUSALS = IDS.filter((id) => id.startsWith('frontend.refuses.'));

const MODELS = mkdtempSync(join(tmpdir(), 'conform-'));

beforeAll(() => {
  const text = readFileSync(join(TINYMODEL, 'config.json'), 'utf8');
  const tiny = JSON.parse(text) as Record<string, unknown>;
  const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
  const kind = { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
  writeFileSync(join(MODELS, 'config.json'), JSON.stringify({ ...tiny, ...kind, ...experts }));
});
afterAll(() => rmSync(MODELS, { recursive: true, force: true }));

type Version = keyof typeof WIRE_VERSIONS;

interface Judged {
  readonly results: readonly CheckResult[];
  readonly frontend: Twin;
}

interface Started extends BrokenFrontend {
  readonly version?: Version;
  readonly words?: readonly string[];
}

async function judge(broken: Started): Promise<Judged> {
  const { version = VLLM_VERSION, words = [] } = broken;
  const [http = 0, handshake = 0] = await freePorts(2);
  const size = broken.engines === 'one' ? 1 : 2;
  const model = broken.engines === 'moe' ? ['--tokenizer', TINYMODEL] : [];
  const url = `http://127.0.0.1:${http}`;
  const frontend = new Twin(
    [
      ...['serve', broken.engines === 'moe' ? MODELS : TINYMODEL, ...model],
      ...['--data-parallel-size', `${size}`, '--data-parallel-size-local', '0'],
      ...['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', `${handshake}`],
      ...['--port', `${http}`, '--max-model-len', '1024', '--enable-faults'],
      ...['--vllm-version', version, ...words],
    ],
    { VLLM_SERVER_DEV_MODE: '1' },
  );
  try {
    const results = await runFrontendChecks({
      handshakeAddress: `tcp://127.0.0.1:${handshake}`,
      dataParallelSize: size,
      httpUrl: url,
      metricsUrl: `${url}/metrics`,
      version: WIRE_VERSIONS[version],
      clock: systemClock,
      waitMs: RUN_MS,
      // A machine that does much else shall fail no frontend.
      answerMs: 8_000,
      runMs: 100_000,
      spoil: broken.spoil ?? null,
      transport: mutatingTransport(createZmqTransport(), broken.wire?.() ?? {}),
      fetch: brokenFetch(withFault(url, broken)),
    });
    return { results, frontend };
  } finally {
    await frontend.stop();
  }
}

function withFault(url: string, { fault, atLimit, http }: BrokenFrontend): BreakHttp {
  const breakHttp = http?.() ?? (({ next }) => next());
  let isInjected = fault === undefined;
  return async (asked) => {
    const isNow =
      atLimit === undefined ? asked.path === '/metrics' : asked.body['max_tokens'] === atLimit;
    if (isNow && !isInjected && fault !== undefined) {
      isInjected = true;
      await new TwinFaults(url).inject(fault);
    }
    return breakHttp(asked);
  };
}

/** A child of cache_config_info with another engine's figures. */
function withCapacity(line: string, tokens: string, concurrency: string): string {
  return line
    .replace(/kv_cache_size_tokens="[^"]*"/, `kv_cache_size_tokens="${tokens}"`)
    .replace(/kv_cache_max_concurrency="[^"]*"/, `kv_cache_max_concurrency="${concurrency}"`);
}

function idsOf({ results }: Judged, verdict: CheckResult['verdict']): readonly string[] {
  return results.filter((result) => result.verdict === verdict).map(({ id }) => id);
}

/** Failures first, then what the frontend said itself. */
function told({ results, frontend }: Judged): string {
  const linesOf = (wanted: CheckResult['verdict']): readonly string[] =>
    results
      .filter(({ verdict }) => verdict === wanted)
      .map(({ id, expected, got }) => `${id} ${wanted}: ${expected} | ${got}`);
  const said = frontend.log.trimEnd().split('\n').slice(-LOG_LINES);
  return [...linesOf('failed'), ...said, ...linesOf('not_applicable')].join('\n');
}

it('has a broken frontend for each check', () => {
  expect(Object.keys(BROKEN_FRONTENDS).sort()).toEqual([...IDS].sort());
});

describe('our frontend', () => {
  it.each([
    ['two engines', {}, [...REFUSALS, 'frontend.coordinator.start_wave']],
    ['two engines of a mixture of experts', { engines: 'moe' as const }, REFUSALS],
    [
      'two API servers',
      { words: ['--api-server-count', '2'] },
      [...REFUSALS, 'frontend.coordinator.start_wave'],
    ],
    [
      'two API servers that show what each has read first',
      {
        words: ['--api-server-count', '2', '--dp-metrics', 'vllm'],
        http: () =>
          metricsLines((line) =>
            line.startsWith('vllm:cache_config_info{')
              ? `${withCapacity(line, '16400', '16.015625')}\n${withCapacity(line, '24592', '24.015625')}`
              : line,
          ),
      },
      [...REFUSALS, 'frontend.coordinator.start_wave'],
    ],
  ])('passes every check with %s', async (_, broken, notApplicable) => {
    const judged = await judge(broken);
    expect(judged.results.map(({ id }) => id)).toEqual(IDS);
    expect(idsOf(judged, 'failed'), told(judged)).toEqual([]);
    expect(idsOf(judged, 'not_applicable'), told(judged)).toEqual(notApplicable);
  });

  it.each((Object.keys(WIRE_VERSIONS) as Version[]).filter((version) => version !== VLLM_VERSION))(
    'passes every check as vLLM %s',
    async (version) => {
      const judged = await judge({ version });
      expect(idsOf(judged, 'failed'), told(judged)).toEqual([]);
    },
  );

  it('passes every check with a mixture of experts as vLLM 0.31.0, whose INIT says less', async () => {
    const judged = await judge({ version: '0.31.0', engines: 'moe' });
    expect(idsOf(judged, 'failed'), told(judged)).toEqual([]);
    expect(idsOf(judged, 'passed')).toContain('frontend.coordinator.start_wave');
  });
});

it('tells what came instead of a completion', async () => {
  const id = 'frontend.start.order';
  const { results } = await judge(BROKEN_FRONTENDS[id] as BrokenFrontend);
  expect(results.find((result) => result.id === id)?.got).toBe('they are not: 503 not yet');
});

describe('the command', () => {
  it('says in JSON what it found, and in its exit code whether all is well', async () => {
    const [http = 0, handshake = 0] = await freePorts(2);
    const url = `http://127.0.0.1:${http}`;
    const at = ['--handshake', `tcp://127.0.0.1:${handshake}`, '--json'];
    const ports = ['--data-parallel-rpc-port', `${handshake}`, '--port', `${http}`];
    const frontend = new Twin(['serve', TINYMODEL, '--data-parallel-size-local', '0', ...ports]);
    try {
      const urls = ['--http', url, '--metrics', `${url}/metrics`, '--model', TINYMODEL];
      const conform = new Twin(['conform', 'frontend', ...at, ...urls]);
      expect(await conform.waitForExit(RUN_MS)).toEqual({ code: 0, signal: null });
      const report = JSON.parse(conform.stdout) as Record<string, unknown>;
      expect(report).toMatchObject({ failed: 0 });
      expect(report['checks']).toHaveLength(IDS.length);
    } finally {
      await frontend.stop();
    }
  });

  it('fails where nobody answers', async () => {
    const [handshake = 0] = await freePorts(1);
    const at = ['--handshake', `127.0.0.1:${handshake}`, '--wait', '0.2'];
    const conform = new Twin(['conform', 'frontend', ...at, '--only', 'frontend.init']);
    expect(await conform.waitForExit(RUN_MS)).toEqual({ code: 1, signal: null });
    expect(conform.stdout).toMatch(/FAILED {2}frontend\.init\.once/);
  });
});

describe('our frontend, whose start is spoilt by', () => {
  it.each(SPOILS)('%s, refuses to go on', async (spoil) => {
    const judged = await judge({ spoil });
    expect(idsOf(judged, 'failed'), told(judged)).toEqual([]);
    expect(idsOf(judged, 'passed')).toContain(`frontend.refuses.${spoil.replaceAll('-', '_')}`);
  });
});

describe.concurrent('a frontend that breaks one thing fails one check:', () => {
  it.each(Object.entries(BROKEN_FRONTENDS))('%s', async (id, broken) => {
    const judged = await judge(broken);
    expect(idsOf(judged, 'failed'), told(judged)).toEqual([id]);
  });

  it.each(FURTHER_BROKEN_FRONTENDS)('%s fails %s', async (_, id, broken) => {
    const judged = await judge(broken);
    expect(idsOf(judged, 'failed'), told(judged)).toEqual([id]);
  });
});

describe.concurrent('a fault of the catalogue is noticed by what it breaks:', () => {
  it.each(FAULTY_FRONTENDS)('$fault.fault', async ({ fails, ...broken }) => {
    const judged = await judge(broken);
    expect(idsOf(judged, 'failed'), told(judged)).toEqual(fails);
  });
});
