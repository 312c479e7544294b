/** `npm test`: set-up where needed, then the fast tests and the process tests; arguments after `--` go to vitest. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureReady } from './ready.mjs';

ensureReady();
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const asked = process.argv.slice(2);
const projects = asked.some((word) => word.startsWith('--project'))
  ? []
  : ['--project', 'unit', '--project', 'process'];
const child = spawn(process.execPath, [vitest, 'run', ...projects, ...asked], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
