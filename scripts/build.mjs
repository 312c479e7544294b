/** `npm run build`: the bundles that run, and the types of the library. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { stampBuild } from './ready.mjs';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const started = Date.now();
await bundle(path('node_modules'));
const { status } = spawnSync(
  process.execPath,
  [path('node_modules/typescript/bin/tsc'), '-p', path('tsconfig.json')],
  { stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
stampBuild(started);
