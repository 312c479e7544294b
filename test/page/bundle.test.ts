import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../support/package.ts';

const MAX_COMPRESSED_BYTES = 150 * 1024;
const html = readFileSync(packageFile('dist/page/index.html'), 'utf8');

describe('the built page', () => {
  it('is small: script and style inside, below 150 kB compressed', () => {
    const { length } = gzipSync(html);
    console.log(`page: ${length} bytes compressed`);
    expect(length).toBeLessThan(MAX_COMPRESSED_BYTES);
    expect(html).not.toMatch(/<script[^>]* src=|<link[^>]* href="(?!data:)/);
  });
});
