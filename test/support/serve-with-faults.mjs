/** `serve` of the built product whose engines start with faults: a JSON list of injections, then the words of serve. */
import { readServeArgs } from '../../dist/cli/flags/serve-args.js';
import { runServe } from '../../dist/frontend/main.js';

const [faults, ...words] = process.argv.slice(2);
const { args } = await readServeArgs(words, process.env);
const served = { ...args, logFormat: 'json' };
try {
  process.exitCode = await runServe(served, {
    onStarted: () => {},
    startFaults: JSON.parse(faults),
  });
} catch (error) {
  process.stderr.write(`vllm-twin serve: ${error.message}\n`);
  process.exitCode = error.family === 'config' ? 2 : 1;
}
