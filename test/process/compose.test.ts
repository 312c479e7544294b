import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseExposition } from '../support/exposition.ts';
import { freePorts } from '../support/process.ts';
import { Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

interface Compose {
  readonly services: Record<
    string,
    { readonly command: readonly string[]; readonly image: string }
  >;
}

/** The services' own commands, with loopback for the service's name and free ports. */
function commandsOf(ports: { readonly http: number; readonly rpc: number }): readonly string[][] {
  const text = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  const { services } = parse(text) as Compose;
  return Object.values(services)
    .filter(({ image }) => image.startsWith('vllm-twin'))
    .map(({ command }) => {
      const words = command.map((word) => {
        if (word === 'frontend' || word === '0.0.0.0') return '127.0.0.1';
        return word === '29550' ? String(ports.rpc) : word;
      });
      return words.includes('--headless') ? words : [...words, '--port', String(ports.http)];
    });
}

describe('the commands of docker-compose.yml, run by hand', () => {
  const twins: Twin[] = [];

  afterAll(async () => {
    await Promise.all(twins.map((twin) => twin.stop()));
  });

  it('join two engines on different GPUs to the frontend, which shows each one its own capacity', async () => {
    const [http = 0, rpc = 0] = await freePorts(2);
    const ports = { http, rpc };
    for (const words of commandsOf(ports)) twins.push(new Twin(words));
    const url = `http://127.0.0.1:${ports.http}`;
    await waitUntil('200 of /health', async () => {
      try {
        return (await fetch(`${url}/health`)).ok;
      } catch {
        return false;
      }
    });
    const body = await (await fetch(`${url}/metrics`)).text();
    const samples = parseExposition(body).get('vllm:cache_config_info')?.samples ?? [];
    const tokens = samples.map(({ labels }) => Number(labels['kv_cache_size_tokens']));
    expect(tokens).toHaveLength(2);
    // An H100 has more than three times an L4's memory.
    expect(tokens[0]).toBeGreaterThan(3 * (tokens[1] ?? Number.POSITIVE_INFINITY));
  });

  it('end together: engines whose frontend is stopped do not stay behind', async () => {
    const frontend = twins.find(({ log }) => log.includes('server on'));
    expect((await frontend?.stop())?.code).toBe(0);
    const exits = await Promise.all(twins.map(({ exited }) => exited));
    expect(exits).toHaveLength(3);
  });
});
