/**
 * Makes a clone ready to run: installs the locked dependencies and builds, each only when needed.
 * Plain JavaScript without dependencies, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { refusalOf } = createRequire(import.meta.url)('../bin/node-version.cjs');

/** Installs and builds where that is due. Ends the process with a message where it cannot. */
export function ensureReady() {
  const refusal = refusalOf(process.versions.node);
  if (refusal !== null) fail(refusal);
  if (isOlder('node_modules/.package-lock.json', [join(root, 'package-lock.json')]))
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'install the dependencies');
  if (isOlder('dist/.built', sources())) run('npm', ['run', '--silent', 'build'], 'build');
}

/** True where `stamp` is missing or older than one of `files`. */
function isOlder(stamp, files) {
  const path = join(root, stamp);
  if (!existsSync(path)) return true;
  const { mtimeMs } = statSync(path);
  return files.some((file) => statSync(file).mtimeMs > mtimeMs);
}

function sources() {
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return [...files, join(root, 'package.json'), join(root, 'tsconfig.json')];
}

function run(command, args, purpose) {
  const started = Date.now();
  // What a set-up step says goes to stderr: stdout belongs to the job itself.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error !== undefined || status !== 0)
    fail(
      `could not ${purpose}: ${command} ${args.join(' ')} ${error?.message ?? `ended with ${status}`}`,
    );
  process.stderr.write(`${purpose}: done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
