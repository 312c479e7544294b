/**
 * Makes a clone ready: installs the locked dependencies and builds, each only when needed. What only runs the twin waits
 * for neither test tools nor types: in a clone that has nothing yet, the few packages of scripts/start are installed
 * apart, in a folder that `npm ci` clears away. Plain JavaScript without dependencies, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { refusalOf } = createRequire(import.meta.url)('../bin/node-version.cjs');

const CLEAN_INSTALL = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
/** What npm writes when it has installed everything. */
const INSTALLED = 'node_modules/.package-lock.json';
/** Where `npm start` installs in a clone that has nothing yet; npm looks into no folder with such a name. */
const SMALL = 'node_modules/.start';

/** For tests and checks: all packages, and what was built. Ends the process with a message where it cannot. */
export function ensureReady() {
  refuseOldNode();
  if (isOlder(INSTALLED, ['package-lock.json'])) {
    run('npm', CLEAN_INSTALL, root, 'install the dependencies');
  }
  if (isOlder('dist/.built', [...sources(), INSTALLED])) {
    run('npm', ['run', '--silent', 'build'], root, 'build');
  }
}

/** For what runs alone: what is installed already will do. Ends the process with a message where it cannot. */
export async function ensureRunnable() {
  refuseOldNode();
  if (!isOlder(INSTALLED, ['package-lock.json'])) return ensureBundled('node_modules');
  const inputs = ['package.json', 'package-lock.json'];
  if (
    isOlder(
      `${SMALL}/${INSTALLED}`,
      inputs.map((name) => `scripts/start/${name}`),
    )
  ) {
    mkdirSync(join(root, SMALL), { recursive: true });
    for (const name of inputs)
      copyFileSync(join(root, 'scripts/start', name), join(root, SMALL, name));
    const words = [...CLEAN_INSTALL, '--ignore-scripts'];
    run('npm', words, join(root, SMALL), 'install what running needs');
  }
  await ensureBundled(`${SMALL}/node_modules`);
  // Where the bundles look first for the packages that are not in them; a build begins without it.
  const link = join(root, 'dist/node_modules');
  if (!existsSync(link)) symlinkSync(`../${SMALL}/node_modules`, link);
}

async function ensureBundled(packages) {
  if (!isOlder('dist/.built', [...sources(), `${packages}/.package-lock.json`])) return;
  const started = Date.now();
  const { bundle } = await import('./bundle.mjs');
  await bundle(join(root, packages));
  stampBuild(started);
  sayDone('bundle', started);
}

/**
 * Says when dist was made, so that the next start knows whether there is anything to build. Stamped with the start of the
 * build: a source saved meanwhile counts as newer.
 */
export function stampBuild(startedMs) {
  const stamp = join(root, 'dist/.built');
  writeFileSync(stamp, '');
  utimesSync(stamp, startedMs / 1000, startedMs / 1000);
}

function refuseOldNode() {
  const refusal = refusalOf(process.versions.node);
  if (refusal !== null) fail(refusal);
}

/** True where `stamp` is missing or older than one of `files`; all from the root. */
function isOlder(stamp, files) {
  const path = join(root, stamp);
  if (!existsSync(path)) return true;
  const { mtimeMs } = statSync(path);
  return files.some((file) => statSync(join(root, file)).mtimeMs > mtimeMs);
}

function sources() {
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length));
  return [...files, 'package.json', 'tsconfig.json', 'scripts/bundle.mjs'];
}

function run(command, args, cwd, purpose) {
  const started = Date.now();
  // What a set-up step says goes to stderr: stdout belongs to the job itself.
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (error !== undefined || status !== 0)
    fail(
      `could not ${purpose}: ${command} ${args.join(' ')} ${error?.message ?? `ended with ${status}`}`,
    );
  sayDone(purpose, started);
}

function sayDone(purpose, startedMs) {
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`${purpose}: done in ${seconds} s\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
