/** docker-compose.yml's own commands, word for word, in a network where the services have their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTwinServices } from '../support/compose-file.ts';
import { parseExposition } from '../support/exposition.ts';
import { PrivateNetwork, whyNoPrivateNetwork } from '../support/private-network.ts';
import type { RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const reason = whyNoPrivateNetwork();
const services = readTwinServices();
const PRINT = 'fetch(process.argv[1]).then(async (r) => console.log(await r.text()))';

const title = `the services of docker-compose.yml${reason === null ? '' : ` (SKIPPED: ${reason})`}`;
describe.skipIf(reason !== null)(title, () => {
  const running = new Map<string, RunningProcess>();
  let network: PrivateNetwork;

  const run = (words: readonly string[]): RunningProcess => network.run(process.execPath, words);
  /** What the file's own health check says. */
  const isHealthy = async (): Promise<boolean> => {
    const [, , ...words] = services['frontend']?.healthcheck?.test ?? [];
    return (await run(words).waitForExit()).code === 0;
  };

  beforeAll(async () => {
    network = await PrivateNetwork.create(Object.keys(services));
  });
  afterAll(async () => {
    await Promise.all([...running.values()].map((process) => process.stop()));
    await network?.close();
  });

  it('are not healthy before they run', async () => {
    expect(await isHealthy()).toBe(false);
  });

  it('join two engines on different GPUs to the frontend, which shows each one its own capacity', async () => {
    for (const [name, { command }] of Object.entries(services))
      running.set(name, run([CLI_MAIN, ...command]));
    await waitUntil('the frontend to be healthy', isHealthy);
    const scrape = run(['-e', PRINT, 'http://frontend:8000/metrics']);
    expect((await scrape.waitForExit()).code, scrape.log).toBe(0);
    const samples = parseExposition(scrape.stdout).get('vllm:cache_config_info')?.samples ?? [];
    const tokens = samples.map(({ labels }) => Number(labels['kv_cache_size_tokens']));
    expect(tokens).toHaveLength(2);
    // An H100 has more than three times an L4's memory.
    expect(tokens[0]).toBeGreaterThan(3 * (tokens[1] ?? Number.POSITIVE_INFINITY));
    expect(running.get('engine-l4')?.log).toContain('tcp://frontend:29550');
  });

  it('end together: engines whose frontend is stopped do not stay behind', async () => {
    expect((await running.get('frontend')?.stop())?.code).toBe(0);
    const exits = await Promise.all([...running.values()].map(({ exited }) => exited));
    expect(exits).toHaveLength(3);
  });
});
