/** The page itself: one file of our own build, allowed to load nothing else and to be put into no frame. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { ownFile } from '../../../shared/own-files.ts';

/** Made by `npm run build`. */
const PAGE = ownFile('page/index.html');
const INLINE = /<(script|style)([^>]*)>([\s\S]*?)<\/\1>/g;

export async function sendPage(response: ServerResponse): Promise<void> {
  const html = await readFile(PAGE, 'utf8');
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policyOf(html),
      'referrer-policy': 'no-referrer',
    })
    .end(html);
}

/** What the page's own script and style are, by their hashes; styles that a chart sets on its elements are no script. */
export function policyOf(html: string): string {
  const scripts = [...html.matchAll(INLINE)]
    .filter(
      ([, tag, attributes = '']) => tag === 'script' && !attributes.includes('application/json'),
    )
    .map(([, , , text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
