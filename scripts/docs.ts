/**
 * `npm run docs`: writes the reference pages from the registries. `-- --check` writes nothing and fails where one is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedPages } from './reference-pages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');
const stale: string[] = [];
for (const { path, text } of generatedPages()) {
  const file = `${root}${path}`;
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale.push(path);
  if (isCheck) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
if (isCheck && stale.length > 0) {
  process.stderr.write(`stale: ${stale.join(', ')}; run npm run docs\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(
    stale.length === 0 ? 'all pages are up to date\n' : `wrote ${stale.join(', ')}\n`,
  );
}
