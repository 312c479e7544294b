/**
 * `npm run mutation -- ROOM`: how many small faults, planted one at a time into a room, its tests notice. Prints the
 * score and leaves the report, with every survivor, in reports/mutation/.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureReady } from './ready.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const USAGE = `npm run mutation -- ROOM [--files a.ts,b.ts] [--concurrency 2] [--survivors]
ROOM is a folder under src, such as frontend/llm or engine-core/kv-cache.
`;

const { values, positionals } = readArguments();
const room = (positionals[0] ?? '').replace(/^src\//, '').replace(/\/$/, '');
if (room === '' || !existsSync(join(root, 'src', room)))
  fail(`no room "${room}" under src; ${USAGE}`);
const concurrency = Number(values.concurrency);
if (!Number.isInteger(concurrency) || concurrency < 1)
  fail(`--concurrency must be an integer from 1; it is "${values.concurrency}"`);

ensureReady();
const reports = join(root, 'reports', 'mutation');
const name = room.replaceAll('/', '-');
const json = join(reports, `${name}.json`);
mkdirSync(reports, { recursive: true });
rmSync(json, { force: true });
const scratch = mkdtempSync(join(reports, '.config-'));
const started = Date.now();
try {
  await runStryker();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const report = readReport();
printScore(report);

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        files: { type: 'string' },
        concurrency: { type: 'string', default: '2' },
        survivors: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    fail(`${error.message}; ${USAGE}`);
  }
}

/** The files to plant faults into: the whole room, or those of it that --files names. */
function mutatedFiles() {
  if (statSync(join(root, 'src', room)).isFile()) return [`src/${room}`];
  if (values.files === undefined) return [`src/${room}/**/*.ts`];
  return values.files.split(',').map((file) => {
    const path = `src/${room}/${file}`;
    if (!existsSync(join(root, path))) fail(`no file ${path}`);
    return path;
  });
}

function settings() {
  return {
    mutate: mutatedFiles(),
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutation.config.ts', related: true },
    coverageAnalysis: 'perTest',
    concurrency,
    // TypeScript 7 has no compiler API to rewrite a tsconfig with: a name that does not exist leaves it alone.
    tsconfigFile: 'no-tsconfig.json',
    // Faults go into a copy, never into the sources themselves.
    tempDirName: '.stryker-tmp',
    ignorePatterns: ['dist', 'reports', 'producers', '.git', '.cache', 'coverage'],
    ignoreStatic: true,
    timeoutMS: 10_000,
    reporters: ['json', 'html'],
    jsonReporter: { fileName: `reports/mutation/${name}.json` },
    htmlReporter: { fileName: `reports/mutation/${name}.html` },
    allowEmpty: true,
  };
}

function runStryker() {
  const config = join(scratch, 'stryker.config.json');
  writeFileSync(config, JSON.stringify(settings(), null, 2));
  const bin = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, 'run', config, '--logLevel', 'warn'], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, MUTATION_ROOM: room },
    });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('exit', resolve);
  });
}

function readReport() {
  if (!existsSync(json)) fail('Stryker wrote no report; what it said stands above');
  return JSON.parse(readFileSync(json, 'utf8'));
}

/** A line a file and one for the room: killed and timed out of all that could be noticed. */
function printScore({ files }) {
  const total = { detected: 0, survived: 0, uncovered: 0 };
  const lines = [];
  const survivors = [];
  for (const [file, { mutants }] of Object.entries(files)) {
    const count = countOf(mutants);
    for (const key of Object.keys(total)) total[key] += count[key];
    lines.push(`${lineOf(count)}  ${file}`);
    for (const { status, location, mutatorName, replacement } of mutants)
      if (status === 'Survived' || status === 'NoCoverage')
        survivors.push(
          `${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${replacement ?? ''}`,
        );
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  const text = values.survivors ? `${survivors.join('\n')}\n` : '';
  process.stdout.write(
    `${text}  score  noticed  survived  not run\n${lines.join('\n')}\n${lineOf(total)}  ${room}, in ${seconds} s; reports/mutation/${name}.html\n`,
  );
}

function countOf(mutants) {
  const having = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
  return {
    detected: having('Killed', 'Timeout'),
    survived: having('Survived'),
    uncovered: having('NoCoverage'),
  };
}

function lineOf({ detected, survived, uncovered }) {
  const all = detected + survived + uncovered;
  const score = all === 0 ? '-' : `${((100 * detected) / all).toFixed(1)} %`;
  return [
    score.padStart(7),
    `${detected}`.padStart(8),
    `${survived}`.padStart(9),
    `${uncovered}`.padStart(8),
  ].join(' ');
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
