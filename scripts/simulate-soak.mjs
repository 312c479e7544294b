/**
 * `npm run simulate:soak -- [HOURS] [SEED]`: the whole twin under random faults for long, 100 virtual hours by default, of
 * another seed each time. The seed is printed; a failing one is given again to see it fail again.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [hours = '100', seed = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const child = spawn(
  process.execPath,
  [vitest, 'run', '--project', 'unit', 'test/simulation/whole-system.test.ts'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: {
      ...process.env,
      VLLM_TWIN_SIMULATE_HOURS: hours,
      VLLM_TWIN_SIMULATE_SEED: seed,
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
