/** What vLLM says at each point of a start, as its debug log has it, and that the twin says the same there. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { complete, startServer } from '../support/topology.ts';
import type { Twin } from '../support/twin.ts';

/** pino's numbers of vLLM's levels. */
const DEBUG = 20;
const INFO = 30;

interface Line {
  /** vLLM's file and line in 0.33.0. */
  readonly source: string;
  readonly level: number;
  readonly text: RegExp;
}

const line = (source: string, level: number, text: RegExp): Line => ({ source, level, text });

const ADDRESSES =
  String.raw`EngineZmqAddresses\(inputs=\['ipc://\S+'\], outputs=\['ipc://\S+'\], ` +
  String.raw`coordinator_input='ipc://\S+', coordinator_output='ipc://\S+', ` +
  String.raw`frontend_stats_publish_address='ipc://\S+'\)`;
const PARALLEL_CONFIG =
  String.raw`\{'data_parallel_master_ip': '127\.0\.0\.1', 'data_parallel_master_port': \d+, ` +
  String.raw`'_data_parallel_master_port_list': \[\], '_coord_store_port': 0, 'data_parallel_size': 2\}`;

/** In order, in every engine core. */
const ENGINE: readonly Line[] = [
  line('core.py:1419', DEBUG, /^Waiting for init message from front-end\.$/),
  line(
    'core.py:1449',
    DEBUG,
    new RegExp(
      String.raw`^Received init message: EngineHandshakeMetadata\(addresses=${ADDRESSES}, parallel_config=${PARALLEL_CONFIG}\)$`,
    ),
  ),
  line('core.py:1214', DEBUG, /^Has DP Coordinator: True, stats publish address: ipc:\/\/\S+$/),
  line(
    'core.py:412',
    INFO,
    /^init engine \(profile, create kv cache, warmup model\) took \d+\.\d\d s$/,
  ),
  line('core.py:213', DEBUG, /^Batch queue is enabled with size 2$/),
  line('core.py:1658', DEBUG, /^EngineCore waiting for work\.$/),
];

/** In order: once the first request has come. */
const WAVE_OF_RANK_0: readonly Line[] = [
  line('core.py:1671', DEBUG, /^EngineCore loop active\.$/),
  line('core.py:2522', DEBUG, /^Wave 0 finished, pausing engine loop\.$/),
];

const COORDINATOR: readonly Line[] = [
  line('coordinator.py:256', INFO, /^All engine subscriptions received by DP coordinator$/),
  line('coordinator.py:432', DEBUG, /^Starting wave 0 on notification from engine [01]\.$/),
  line('coordinator.py:418', DEBUG, /^Moving DP wave from 0 to 1\.$/),
];

/** The frontend's; engines come in any order, each of them in this one. */
const FRONTEND: readonly Line[] = [
  line('utils.py:1279', INFO, /^Started DP Coordinator process \(PID: \d+\)$/),
  line(
    'core_client.py:1599',
    DEBUG,
    /^Received counts: \[\[0, 0, 0\.0\], \[0, 0, 0\.0\]\] \(slice\(0, 2, None\)\)$/,
  ),
];
const handshakeOf = (rank: number): readonly Line[] =>
  ['HELLO', 'READY'].map((status) =>
    line(
      'utils.py:1591',
      DEBUG,
      new RegExp(`^${status} from local core engine process ${rank}\\.$`),
    ),
  );

interface Said {
  readonly process: string;
  readonly level: number;
  readonly msg: string;
}

function linesOf(twin: Twin): Said[] {
  return twin.log
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Said);
}

/** The expected lines that are missing, or stand before one that they follow. */
function missing(said: readonly Said[], expected: readonly Line[]): string[] {
  let from = 0;
  return expected.flatMap(({ source, level, text }) => {
    const at = said.findIndex((one, i) => i >= from && one.level === level && text.test(one.msg));
    if (at < 0) return [`${source}: ${text}`];
    from = at + 1;
    return [];
  });
}

describe('a start of two engines of a mixture-of-experts model', () => {
  const twins: Twin[] = [];
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
  });

  it('says what vLLM says at the same points, in the same order, at the same levels', async () => {
    const twin = startServer([
      ...[
        '--port',
        '0',
        '--data-parallel-size',
        '2',
        '--log-level',
        'debug',
        '--log-format',
        'json',
      ],
    ]);
    twins.push(twin);
    expect(await complete(await twin.url())).toBe(200);
    await twin.waitForLog(/Wave 0 finished, pausing engine loop\./);
    await twin.waitForLog(/Moving DP wave from 0 to 1\./);
    // The first counts may come while the request still runs.
    await twin.waitForLog(/Received counts: \[\[0, 0, 0\.0\], \[0, 0, 0\.0\]\]/);
    const said = linesOf(twin);
    const of = (process: RegExp): Said[] => said.filter((one) => process.test(one.process));
    for (const rank of [0, 1]) {
      const engine = of(new RegExp(`^EngineCore_DP${rank}$`));
      expect(missing(engine, ENGINE), `engine ${rank}`).toEqual([]);
      expect(missing(of(/^APIServer/), handshakeOf(rank))).toEqual([]);
    }
    expect(missing(of(/^EngineCore_DP0$/), WAVE_OF_RANK_0)).toEqual([]);
    // One rank is given the request, the other is told to join.
    const joined = of(/^EngineCore/).filter(({ msg }) =>
      /^EngineCore starting idle loop for wave 0\.$/.test(msg),
    );
    expect(joined).toHaveLength(1);
    expect(missing(of(/^DPCoordinator$/), COORDINATOR)).toEqual([]);
    expect(missing(of(/^APIServer/), FRONTEND)).toEqual([]);
  });

  it('names in the list of differences what it cannot say', () => {
    const differences = readFileSync(
      new URL('../../docs/differences-from-vllm.md', import.meta.url),
      'utf8',
    );
    expect(differences).toContain('Initializing a V1 LLM engine');
  });
});
