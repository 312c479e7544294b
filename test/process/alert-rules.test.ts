/** deploy/prometheus by the tools of Prometheus itself: the configuration, the rules, and their unit tests. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isPrometheusInstalled } from '../support/prometheus.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));

const promtool = (...words: readonly string[]) =>
  spawnSync('promtool', words, { encoding: 'utf8' });

describe.skipIf(!isPrometheusInstalled())('deploy/prometheus', () => {
  it('has rules that promtool takes without a complaint', () => {
    const { status, stdout, stderr } = promtool(
      'check',
      'rules',
      '--lint-fatal',
      `${FOLDER}rules.yml`,
    );
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
  });

  it('passes its unit tests', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', `${FOLDER}rules.test.yml`);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  it('has a configuration that promtool takes, with the rules where the compose file puts them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'twin-prometheus-'));
    try {
      const config = readFileSync(`${FOLDER}prometheus.yml`, 'utf8');
      const here = config.replaceAll('/etc/prometheus/', FOLDER);
      expect(here).not.toBe(config);
      writeFileSync(join(folder, 'prometheus.yml'), here);
      const { status, stdout, stderr } = promtool(
        'check',
        'config',
        join(folder, 'prometheus.yml'),
      );
      expect(status, `${stdout}${stderr}`).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
