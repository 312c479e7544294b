/** deploy/alertmanager as the compose file runs it: a real Alertmanager, and the webhook that prints what it is sent. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { waitUntil } from '../support/wait-for.ts';

const FOLDER = fileURLToPath(new URL('../../deploy/alertmanager/', import.meta.url));
const WEBHOOK = join(FOLDER, 'print-alerts.mjs');
/** Debian's name of it. */
const ALERTMANAGER = 'prometheus-alertmanager';

function isInstalled(): boolean {
  if (spawnSync(ALERTMANAGER, ['--version']).error === undefined) return true;
  process.stderr.write(`\nSKIPPED: the Debian package ${ALERTMANAGER} is not installed\n\n`);
  return false;
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function startWebhook(): Promise<{ webhook: RunningProcess; url: string }> {
  const [port = 0] = await freePorts(1);
  const webhook = new RunningProcess(process.execPath, [WEBHOOK], { env: { PORT: `${port}` } });
  await webhook.waitForLog(/waiting for alerts/);
  return { webhook, url: `http://127.0.0.1:${port}/` };
}

describe('the webhook that prints', () => {
  it('refuses what is no alert, goes on, and ends when it is told to', async () => {
    const { webhook, url } = await startWebhook();
    try {
      expect((await fetch(url)).status).toBe(405);
      expect((await post(url, { alerts: [{}] })).status).toBe(400);
      expect((await post(url, { alerts: [] })).status).toBe(200);
    } finally {
      expect((await webhook.stop()).code).toBe(0);
    }
  });
});

describe.skipIf(!isInstalled())('a real Alertmanager in front of the webhook', () => {
  let webhook: RunningProcess;
  let alertmanager: RunningProcess;
  let folder: string;
  let api: string;

  beforeAll(async () => {
    const started = await startWebhook();
    webhook = started.webhook;
    folder = mkdtempSync(join(tmpdir(), 'twin-alertmanager-'));
    const config = readFileSync(join(FOLDER, 'alertmanager.yml'), 'utf8')
      .replace('http://alerts:9095/', started.url)
      // Nothing else is changed but how long a group is waited for.
      .replace('group_wait: 5s', 'group_wait: 100ms')
      .replace('group_interval: 15s', 'group_interval: 200ms');
    writeFileSync(join(folder, 'alertmanager.yml'), config);
    const [port = 0] = await freePorts(1);
    alertmanager = new RunningProcess(ALERTMANAGER, [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ]);
    api = `http://127.0.0.1:${port}/api/v2/alerts`;
    await waitUntil('Alertmanager to answer', () =>
      fetch(api).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });
  afterAll(async () => {
    await alertmanager?.stop();
    await webhook?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const engine = (alertname: string, instance: string) => ({
    labels: { alertname, job: 'vllm', instance, engine: '1' },
    annotations: { summary: `engine 1 of ${instance}` },
  });

  it('prints each alert when it fires, and when it is over', async () => {
    const alert = engine('VllmKvCacheNearlyFull', 'a:8000');
    await post(api, [alert]);
    await webhook.waitForLog(/firing VllmKvCacheNearlyFull engine 1 of a:8000/);
    await post(api, [{ ...alert, endsAt: new Date().toISOString() }]);
    await webhook.waitForLog(/resolved VllmKvCacheNearlyFull engine 1 of a:8000/);
  });

  it('tells of a server that is down once, not of what follows from that', async () => {
    await post(api, [
      { labels: { alertname: 'VllmServerDown', job: 'vllm', instance: 'b:8000' } },
      engine('VllmEngineStalled', 'b:8000'),
    ]);
    await webhook.waitForLog(/firing VllmServerDown/);
    // Of another server, later: by then the first group is out.
    await post(api, [engine('VllmEngineStalled', 'c:8000')]);
    await webhook.waitForLog(/firing VllmEngineStalled engine 1 of c:8000/);
    expect(webhook.log).not.toContain('VllmEngineStalled engine 1 of b:8000');
  });
});
