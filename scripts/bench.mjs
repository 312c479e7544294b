/**
 * `npm run bench`: every benchmark in turn, or those whose names are given. Each prints a ratio against a limit measured
 * in the same run.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureReady } from './ready.mjs';

ensureReady();
const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('-'));
const names = words.filter((word) => !word.startsWith('-'));
const all = readdirSync(path('benchmarks'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replace(/\.ts$/, ''))
  .sort();
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
  process.exit(2);
}
let failed = false;
for (const name of names.length > 0 ? names : all) {
  process.stdout.write(`\n== ${name}\n`);
  const tsx = path('node_modules/tsx/dist/cli.mjs');
  const { status } = spawnSync(process.execPath, [tsx, path(`benchmarks/${name}.ts`), ...flags], {
    stdio: 'inherit',
  });
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
