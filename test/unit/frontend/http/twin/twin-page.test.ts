import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { policyOf, TwinPage } from '../../../../../src/frontend/http/twin/twin-page.ts';

const sha = (text: string): string => createHash('sha256').update(text).digest('base64');

/** What a response was told. */
function recordingResponse() {
  const told = { status: 0, headers: {} as Record<string, unknown>, body: '' };
  const response = {
    headersSent: false,
    writeHead(status: number, headers: Record<string, unknown>) {
      Object.assign(told, { status, headers });
      return response;
    },
    end(body: Buffer) {
      told.body = body.toString();
    },
  };
  return { told, response: response as unknown as ServerResponse };
}

describe("the page's policy", () => {
  it('lets run the scripts that are in the page, and nothing else', () => {
    const policy = policyOf(
      '<style>a{}</style><script type="module">one()</script><script>two()</script>',
    );
    expect(policy).toContain(`script-src 'sha256-${sha('one()')}' 'sha256-${sha('two()')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).not.toMatch(/https?:|\*/);
  });

  it('counts a recording as data', () => {
    expect(policyOf('<script id="recording" type="application/json">{}</script>')).not.toContain(
      sha('{}'),
    );
  });
});

describe('the page', () => {
  it('is sent with its policy, and what is missing is told with what makes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'twin-page-'));
    try {
      const file = join(folder, 'index.html');
      const page = new TwinPage(file);
      const before = recordingResponse();
      await page.send(before.response);
      expect(before.told.status).toBe(503);
      expect(before.told.body).toContain('npm run build');
      writeFileSync(file, '<script>x()</script>');
      const after = recordingResponse();
      await page.send(after.response);
      expect(after.told).toMatchObject({ status: 200, body: '<script>x()</script>' });
      expect(String(after.told.headers['content-security-policy'])).toContain(sha('x()'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
