import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readCompose, readTwinServices } from '../support/compose-file.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

describe('docker-compose.yml', () => {
  it('is accepted by the compose linter, schema and style', () => {
    const bin = new URL('node_modules/.bin/dclint', root).pathname;
    const file = new URL('docker-compose.yml', root).pathname;
    const output = execFileSync(bin, ['--max-warnings', '0', file], { encoding: 'utf8' });
    expect(output).not.toContain('error');
  });

  it('joins two headless engines on different GPUs to one frontend that is checked for health', () => {
    const commands = Object.values(readCompose()).map(({ command }) => command.join(' '));
    const engines = commands.filter((command) => command.includes('--headless'));
    expect(engines).toHaveLength(2);
    const gpus = engines.map((command) => /--gpu (\S+)/.exec(command)?.[1]);
    expect(new Set(gpus).size).toBe(2);
    expect(readCompose()['frontend']?.healthcheck?.test).toBeDefined();
    expect(parse(read('deploy/prometheus.yml'))).toMatchObject({
      scrape_configs: [{ static_configs: [{ targets: ['frontend:8000'] }] }],
    });
  });

  it('builds the image of each twin by one anchor, writes nothing but /tmp, and starts again what ends', () => {
    const twins = Object.values(readTwinServices());
    expect(twins).toHaveLength(3);
    for (const service of twins)
      expect(service).toMatchObject({
        image: 'vllm-twin:local',
        build: '.',
        read_only: true,
        tmpfs: ['/tmp'],
      });
    expect(read('docker-compose.yml').match(/vllm-twin:local/g)).toHaveLength(1);
    for (const { restart } of Object.values(readCompose())) expect(restart).toBe('unless-stopped');
  });

  it('turns the health check of the image off where nothing listens', () => {
    for (const { command, healthcheck } of Object.values(readTwinServices()))
      expect(healthcheck?.disable === true).toBe(command.includes('--headless'));
  });
});

describe('Dockerfile', () => {
  const text = read('Dockerfile');
  const lastStage = text.slice(text.lastIndexOf('FROM '));

  it('is well-formed and runs as no root', () => {
    expect(validate(text)).toEqual([]);
    expect(lastStage).toMatch(/^USER node$/m);
  });

  it('says what it is, in the version of the package, and whether it is healthy', () => {
    const { version, license } = JSON.parse(read('package.json')) as Record<string, string>;
    expect(lastStage).toContain(`org.opencontainers.image.version="${version}"`);
    expect(lastStage).toContain(`org.opencontainers.image.licenses="${license}"`);
    expect(lastStage).toMatch(/^HEALTHCHECK .*\\\n {2}CMD \[.*\/health/m);
  });
});
