/** How soon /health is answered while long texts are tokenized, on a machine as busy as it is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HealthReport, probeHealth } from '../support/health-prober.ts';
import { hostileTexts } from '../support/hostile-texts.ts';
import { slowdown } from '../support/slowdown.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

const LIMIT_MS = 50;
const LENGTH = 1_000_000;

let twin: Twin;
let url: string;

beforeAll(async () => {
  twin = new Twin(['serve', TINYMODEL, '--served-model-name', 'tiny', '--port', '0']);
  url = await twin.url();
});

afterAll(async () => {
  await twin?.stop();
});

async function tokenize(prompt: string): Promise<number> {
  const response = await fetch(`${url}/tokenize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt }),
  });
  await response.arrayBuffer();
  return response.status;
}

it.each(hostileTexts(LENGTH))(
  '/health answers within 50 ms while a megabyte of %s is tokenized',
  async (_name, text) => {
    const before = slowdown();
    let status = 0;
    const report: HealthReport = await probeHealth(url, async () => {
      status = await tokenize(text);
    });
    expect(status).toBe(200);
    expect(report.failure).toBeNull();
    expect(report.worstMs).toBeLessThan(LIMIT_MS * Math.max(before, slowdown()));
  },
);
