/** The commands of deploy/kubernetes, word for word, in a network where the Service that engines ask for has its name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseExposition } from '../support/exposition.ts';
import { isWorkload, readManifests, type Workload } from '../support/kubernetes.ts';
import { PrivateNetwork, whyNoPrivateNetwork } from '../support/private-network.ts';
import type { RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const reason = whyNoPrivateNetwork();
const PRINT =
  'fetch(process.argv[1]).then(async (r) => { console.log(await r.text()); process.exit(r.ok ? 0 : 1); }, () => process.exit(1))';

function workload(file: string): Workload {
  const found = readManifests(`deploy/kubernetes/${file}`).find(isWorkload);
  if (found === undefined) throw new Error(`no workload in ${file}`);
  return found;
}

/** A container's arguments with `$(NAME)` put in, as the kubelet does. */
function argsOf({ spec }: Workload, env: Readonly<Record<string, string>>): readonly string[] {
  const [container] = spec.template.spec.containers;
  return container.args.map((word) =>
    word.replace(/\$\((\w+)\)/g, (_all, name) => env[name] ?? ''),
  );
}

const title = `the pods of deploy/kubernetes${reason === null ? '' : ` (SKIPPED: ${reason})`}`;
describe.skipIf(reason !== null)(title, () => {
  const frontend = workload('frontend.yaml');
  const engines = workload('engines.yaml');
  const running: RunningProcess[] = [];
  let network: PrivateNetwork;

  const run = (words: readonly string[]): RunningProcess => network.run(process.execPath, words);
  const start = (words: readonly string[]): void => void running.push(run([CLI_MAIN, ...words]));
  const get = async (path: string): Promise<{ isOk: boolean; body: string }> => {
    const request = run(['-e', PRINT, `http://vllm-frontend:8000${path}`]);
    return { isOk: (await request.waitForExit()).code === 0, body: request.stdout };
  };

  beforeAll(async () => {
    network = await PrivateNetwork.create(['vllm-frontend']);
  });
  afterAll(async () => {
    await Promise.all(running.map((process) => process.stop()));
    await network?.close();
  });

  it('become one server, whose ranks are the ordinals of the engines', async () => {
    // Engines first: the order of the pods is nobody's.
    for (let ordinal = 0; ordinal < (engines.spec.replicas ?? 0); ordinal += 1)
      start(argsOf(engines, { RANK: `${ordinal}` }));
    start(argsOf(frontend, { POD_IP: '127.0.1.1' }));
    await waitUntil('the frontend to be healthy', async () => (await get('/health')).isOk);
    const families = parseExposition((await get('/metrics')).body);
    const ranks = families
      .get('vllm:cache_config_info')
      ?.samples.map(({ labels }) => labels['engine']);
    expect(ranks).toEqual(['0', '1']);
  });
});
