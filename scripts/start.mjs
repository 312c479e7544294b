/** `npm start`: set-up where needed, then `vllm-twin serve` with the arguments after `--`. */
import { ensureReady } from './ready.mjs';

ensureReady();
process.argv.splice(2, 0, 'serve');
await import('../dist/cli/main.js');
