import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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
    const commands = Object.values(readTwinServices()).map(({ command }) => command.join(' '));
    const engines = commands.filter((command) => command.includes('--headless'));
    expect(engines).toHaveLength(2);
    const gpus = engines.map((command) => /--gpu (\S+)/.exec(command)?.[1]);
    expect(new Set(gpus).size).toBe(2);
    expect(readCompose()['frontend']?.healthcheck?.test).toBeDefined();
    expect(parse(read('deploy/prometheus/prometheus.yml'))).toMatchObject({
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
    for (const { restart, profiles } of Object.values(readCompose()))
      expect(restart).toBe(profiles === undefined ? 'unless-stopped' : 'no');
  });

  it('turns the health check of the image off where nothing listens', () => {
    for (const { command, healthcheck } of Object.values(readTwinServices()))
      expect(healthcheck?.disable === true).toBe(command.includes('--headless'));
  });
});

describe('what watches the twins', () => {
  const services = readCompose();

  it('is given files that exist, read-only', () => {
    const mounts = Object.values(services).flatMap(({ volumes }) => volumes ?? []);
    expect(mounts.length).toBeGreaterThan(5);
    for (const mount of mounts) {
      const [source = '', , mode] = mount.split(':');
      expect(existsSync(new URL(source, root)), source).toBe(true);
      expect(mode, mount).toBe('ro');
    }
  });

  it('names its parts as the network has them: rules, Alertmanager, webhook, data source', () => {
    const prometheus = parse(read('deploy/prometheus/prometheus.yml'));
    const [rules] = prometheus.rule_files;
    expect(services['prometheus']?.volumes).toContain(`./deploy/prometheus/rules.yml:${rules}:ro`);
    const hosts = [
      ...prometheus.alerting.alertmanagers[0].static_configs[0].targets,
      new URL(
        parse(read('deploy/alertmanager/alertmanager.yml')).receivers[0].webhook_configs[0].url,
      ).host,
      new URL(
        parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')).datasources[0].url,
      ).host,
    ];
    expect(hosts).toEqual(['alertmanager:9093', 'alerts:9095', 'prometheus:9090']);
    for (const host of hosts) expect(services).toHaveProperty(host.split(':')[0]);
  });

  it('scrapes as often as Grafana thinks', () => {
    const [source] = parse(
      read('deploy/grafana/provisioning/datasources/prometheus.yml'),
    ).datasources;
    const { global } = parse(read('deploy/prometheus/prometheus.yml'));
    expect(source.jsonData.timeInterval).toBe(global.scrape_interval);
  });

  it('has the dashboards where the provider looks for them', () => {
    const [provider] = parse(read('deploy/grafana/provisioning/dashboards/vllm.yml')).providers;
    expect(services['grafana']?.volumes).toContain(
      `./deploy/grafana/dashboards:${provider.options.path}:ro`,
    );
  });
});

describe('the profile faults', () => {
  it('plays a scenario once, at the loopback of the frontend, which lets it', () => {
    const { faults, frontend } = readCompose();
    expect(faults).toMatchObject({ profiles: ['faults'], network_mode: 'service:frontend' });
    expect(faults?.command).toEqual([
      'ctl',
      'scenario',
      '/faults.yaml',
      '--url',
      'http://127.0.0.1:8000',
    ]);
    expect(faults?.volumes).toEqual(['./deploy/compose/faults.yaml:/faults.yaml:ro']);
    expect(frontend?.command).toContain('--enable-twin-api');
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
