/** `serve` whose engines start with faults: a JSON list of injections, then the words of serve. Its engines are built. */
import { readServeArgs } from '../../src/cli/flags/serve-args.ts';
import { runServe } from '../../src/frontend/main.ts';
import { TwinError } from '../../src/shared/errors.ts';

const [faults = '[]', ...words] = process.argv.slice(2);
const { args } = await readServeArgs(words, process.env);
try {
  process.exitCode = await runServe(
    { ...args, logFormat: 'json' },
    { onStarted: () => {}, startFaults: JSON.parse(faults) },
  );
} catch (error) {
  process.stderr.write(`vllm-twin serve: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof TwinError && error.family === 'config' ? 2 : 1;
}
