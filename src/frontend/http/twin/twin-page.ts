/** The page itself: one file of our own build, allowed to load nothing else and to be put into no frame. */
import { createHash } from 'node:crypto';
import { promises } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { ownFile } from '../../../shared/own-files.ts';
import { sendError } from './twin-answers.ts';

/** Made by `npm run build`. */
const PAGE = ownFile('page/index.html');
const NOT_BUILT = 'the page is not built: npm run build makes it; the API below /twin/api answers';
const INLINE = /<(script|style)([^>]*)>([\s\S]*?)<\/\1>/g;

interface Page {
  readonly html: Buffer;
  readonly policy: string;
}

export class TwinPage {
  readonly #file: string;
  #page: Promise<Page> | null = null;

  constructor(file = PAGE) {
    this.#file = file;
  }

  async send(response: ServerResponse): Promise<void> {
    this.#page ??= readPage(this.#file);
    try {
      const { html, policy } = await this.#page;
      response
        .writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-length': html.length,
          'content-security-policy': policy,
          'referrer-policy': 'no-referrer',
        })
        .end(html);
    } catch {
      this.#page = null;
      sendError(response, 503, NOT_BUILT);
    }
  }
}

async function readPage(file: string): Promise<Page> {
  const html = await promises.readFile(file);
  return { html, policy: policyOf(html.toString('utf8')) };
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
