/** `npm start`: set-up where needed, then `vllm-twin serve` with the arguments after `--`. */
import { ensureRunnable } from './ready.mjs';

const parent = process.ppid;
await ensureRunnable();
// npm may have been told to stop while this was being built; nobody would stop what is started now.
if (process.env.npm_lifecycle_event === 'start' && process.ppid !== parent) process.exit(143);
process.argv.splice(2, 0, 'serve');
await import('../dist/cli/main.cjs');
