/** `npm run build`: compiles src to dist and copies the data files that the code reads beside itself. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const started = Date.now();
const tsc = path('node_modules/typescript/bin/tsc');
mkdirSync(path('dist'), { recursive: true });
cpSync(path('src'), path('dist'), {
  recursive: true,
  filter: (source) => !/\.(ts|md)$/.test(source),
});
const { status } = spawnSync(process.execPath, [tsc, '-p', path('tsconfig.json')], {
  stdio: 'inherit',
});
if (existsSync(path('dist/cli/main.js'))) chmodSync(path('dist/cli/main.js'), 0o755);
if (status !== 0) process.exit(status ?? 1);
// Says when dist was made, so that the next start knows whether there is anything to build. Stamped with the start of
// this build: a source saved meanwhile counts as newer.
writeFileSync(path('dist/.built'), '');
utimesSync(path('dist/.built'), started / 1000, started / 1000);
