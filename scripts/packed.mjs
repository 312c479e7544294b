/**
 * `npm run test:packed`: packs the tarball, installs it into an empty folder as a user does (no overrides, no install
 * scripts, no development packages), and runs the process tests against that. On the machine's own Node all of them; on
 * each other supported Node those of OTHER_NODE_TESTS: start, HTTP, metrics, stop, the native addon, and the command.
 * `-- --machine-only` leaves the others out. A Node that cannot be had is said aloud and counts as skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureReady } from './ready.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The oldest one that is supported, and the later lines. Each is an npm package: no installer has to run. */
const OTHER_NODES = ['20.19.0', '22', '24'];
/** Must be refused in one line; the first is too old to read what is written today. */
const REFUSED_NODES = ['8', '20.18'];
const OTHER_NODE_TESTS = ['package', 'cli', 'last-words', 'openai-client', 'serve-ends'].map(
  (name) => `test/process/${name}.test.ts`,
);
const OTHER_NODE_INTEROP = ['test/interop/vllm-rs.test.ts'];
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vllm-twin');

ensureReady();
const isMachineOnly = process.argv.includes('--machine-only');
mkdirSync(cache, { recursive: true });
// Not in /tmp: tests put a /tmp of their own in its place.
const scratch = mkdtempSync(join(cache, 'packed-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const total = { passed: 0, failed: 0, skipped: 0 };
let running = null;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    running?.kill(signal);
    process.exit(1);
  });

const installed = install(pack());
const refused = isMachineOnly ? [] : REFUSED_NODES.map(fetchNode).filter((path) => path !== null);
await test({ node: process.execPath, version: process.versions.node, projects: ['process'] });
if (!isMachineOnly)
  for (const version of OTHER_NODES) {
    const node = fetchNode(version);
    if (node === null) continue;
    await test({ node, version, projects: ['process'], files: OTHER_NODE_TESTS });
    await test({ node, version, projects: ['interop'], files: OTHER_NODE_INTEROP });
  }
const { passed, failed, skipped } = total;
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed > 0 ? 1 : 0);

/** The tarball's path. */
function pack() {
  const said = npm(['pack', '--silent', '--pack-destination', scratch], root, 'pack the tarball');
  return join(scratch, said.trim().split('\n').at(-1));
}

/** The folder of the installed package. */
function install(tarball) {
  const folder = join(scratch, 'empty');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  npm(
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', tarball],
    folder,
    'install the tarball',
  );
  const packages = readdirSync(join(folder, 'node_modules')).length;
  process.stdout.write(`installed ${tarball} into ${folder}: ${packages} entries\n`);
  return join(folder, 'node_modules', 'vllm-twin');
}

/** The path of a Node of that version, from the cache or the registry; null where it cannot be had. */
function fetchNode(version) {
  const folder = join(cache, `node-${process.arch}`, version);
  const node = join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    const name = `node-linux-${process.arch}@${version}`;
    const words = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', name];
    spawnSync('npm', words, { cwd: folder, stdio: 'ignore' });
  }
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (stdout?.startsWith(`v${version}.`) || stdout?.trim() === `v${version}`) return node;
  process.stdout.write(`\n== SKIPPED: Node ${version} could not be fetched; nothing ran on it\n`);
  total.skipped += 1;
  return null;
}

/** One run of vitest on that Node; its counts are added up. A run that counts nothing has failed. */
async function test({ node, version, projects, files = [] }) {
  process.stdout.write(`\n== Node ${version}: ${projects} ${files.join(' ')}\n`);
  const words = projects.flatMap((project) => ['--project', project]);
  running = spawn(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...words, ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      TWIN_PACKAGE: installed,
      TWIN_NODE: version,
      TWIN_REFUSED_NODES: refused.join(delimiter),
    },
  });
  let counts = null;
  let rest = '';
  running.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines)
      counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line) ?? counts;
  });
  const code = await new Promise((resolve) => running.on('close', resolve));
  if (counts === null || (code !== 0 && counts[2] === '0')) total.failed += 1;
  for (const [index, key] of ['passed', 'failed', 'skipped'].entries())
    total[key] += Number(counts?.[index + 1] ?? 0);
}

function npm(words, cwd, purpose) {
  const { status, stdout } = spawnSync('npm', words, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return stdout;
  process.stderr.write(`could not ${purpose}: npm ${words.join(' ')} ended with ${status}\n`);
  process.exit(1);
}
