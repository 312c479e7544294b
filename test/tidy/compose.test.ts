import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

interface Compose {
  readonly services: Record<
    string,
    { readonly command: readonly string[]; readonly healthcheck?: unknown }
  >;
}

describe('docker-compose.yml', () => {
  it('is accepted by the compose linter, schema and style', () => {
    const bin = new URL('node_modules/.bin/dclint', root).pathname;
    const file = new URL('docker-compose.yml', root).pathname;
    const output = execFileSync(bin, ['--max-warnings', '0', file], { encoding: 'utf8' });
    expect(output).not.toContain('error');
  });

  it('joins two headless engines on different GPUs to one frontend that is checked for health', () => {
    const { services } = parse(read('docker-compose.yml')) as Compose;
    const commands = Object.values(services).map(({ command }) => command.join(' '));
    const engines = commands.filter((command) => command.includes('--headless'));
    expect(engines).toHaveLength(2);
    const gpus = engines.map((command) => /--gpu (\S+)/.exec(command)?.[1]);
    expect(new Set(gpus).size).toBe(2);
    expect(services['frontend']?.healthcheck).toBeDefined();
    expect(parse(read('deploy/prometheus.yml'))).toMatchObject({
      scrape_configs: [{ static_configs: [{ targets: ['frontend:8000'] }] }],
    });
  });
});

describe('Dockerfile', () => {
  it('is well-formed and runs as no root', () => {
    const text = read('Dockerfile');
    expect(validate(text)).toEqual([]);
    const lastStage = text.slice(text.lastIndexOf('FROM '));
    expect(lastStage).toMatch(/^USER node$/m);
  });
});
