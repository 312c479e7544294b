/**
 * `npm run attack`: hostile traffic against the built product, on loopback, bounded in time. Each part is a file of
 * scripts/attack/ that runs in a process of its own; figures as a table, exit code 1 on any failure. Every process that a
 * part starts carries a mark in its environment: what still has it after the part has ended was left behind.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureReady } from './ready.mjs';

const RUN_PART = fileURLToPath(new URL('./attack/run-part.ts', import.meta.url));
/** A part is a file with this in it; others are what parts share. */
const EXPORTS_RUN = /^export (async )?function run\(/m;
const MARK = 'TWIN_ATTACK_MARK';
/** For starting, stopping and counting, beyond the seconds of attack. */
const GRACE_S = 120;
const SURVIVOR_GRACE_MS = 5_000;
const usage = (parts) => `npm run attack -- [PART...] [--seed N] [--seconds N]

Attacks a twin on loopback and tells what became of it. Without a part, all of them.
  PART       one of ${parts.join(', ')}
  --seed     what is sent, and in which order [1]
  --seconds  how long each part goes on sending, in seconds [20]
  --folder   where the parts are [scripts/attack]
Exit code 1 where anything failed, hung or was left behind; 2 for what is written wrong.
`;

const { folder, names, seed, seconds } = readArguments();
ensureReady();
let running = null;
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isStopped = true;
    running?.kill('SIGTERM');
  });

const results = [];
for (const name of names) {
  if (isStopped) break;
  process.stdout.write(`== ${name}: seed ${seed}, ${seconds} s\n`);
  results.push(await attack(name));
}
print(results);
process.exit(isStopped || results.some(({ failures }) => failures.length > 0) ? 1 : 0);

function readArguments() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        seed: { type: 'string', default: '1' },
        seconds: { type: 'string', default: '20' },
        folder: { type: 'string', default: fileURLToPath(new URL('./attack', import.meta.url)) },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    fail(`${error.message.split('\n')[0]}; see npm run attack -- --help`);
  }
  const { values, positionals } = parsed;
  const parts = partsOf(values.folder);
  if (values.help) {
    process.stdout.write(usage(parts));
    process.exit(0);
  }
  const unknown = positionals.filter((name) => !parts.includes(name));
  if (unknown.length > 0)
    fail(`no part ${unknown.join(', ')} of the attack; there are ${parts.join(', ')}`);
  return {
    folder: resolve(values.folder),
    names: positionals.length > 0 ? positionals : parts,
    seed: wholeNumber('--seed', values.seed, 0),
    seconds: wholeNumber('--seconds', values.seconds, 1),
  };
}

function partsOf(path) {
  try {
    return readdirSync(path)
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => EXPORTS_RUN.test(readFileSync(join(path, file), 'utf8')))
      .map((file) => file.replace(/\.ts$/, ''))
      .sort();
  } catch (error) {
    fail(`--folder: ${error.message}`);
  }
}

function wholeNumber(flag, text, min) {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  fail(`${flag}: must be an integer of at least ${min}, got '${text}'`);
}

/** Runs a part in its own process, and adds what it could not tell itself: that it hung, broke, or left something. */
async function attack(name) {
  const mark = randomBytes(8).toString('hex');
  const started = Date.now();
  let result = null;
  let isLate = false;
  running = fork(RUN_PART, [join(folder, `${name}.ts`), String(seed), String(seconds)], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  running.on('message', (message) => {
    result = message;
  });
  const timer = setTimeout(
    () => {
      isLate = true;
      running.kill('SIGKILL');
    },
    (seconds + GRACE_S) * 1000,
  );
  const end = await new Promise((resolve) => {
    running.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  clearTimeout(timer);
  const failures = [...(result?.failures ?? [])];
  if (isLate) failures.push(`still running ${GRACE_S} s after its ${seconds} s`);
  else if (result === null || end !== 'exit code 0') failures.push(`broke: ${end}`);
  const survivors = await waitForNone(mark);
  for (const { pid, command } of survivors) {
    failures.push(`left process ${pid} behind: ${command}`);
    kill(pid);
  }
  const took = { 'took s': Math.round((Date.now() - started) / 1000), survivors: survivors.length };
  return { name, figures: { ...result?.figures, ...took }, failures };
}

/** What is there in the end; processes that are ending get a moment. */
async function waitForNone(mark) {
  const deadline = Date.now() + SURVIVOR_GRACE_MS;
  for (;;) {
    const found = processesWith(`${MARK}=${mark}`);
    if (found.length === 0 || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function processesWith(setting) {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      // A process that is gone but for its parent's question has an empty environment.
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(setting)) return [];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return [{ pid: Number(pid), command: words.join(' ').trim().slice(0, 120) }];
    } catch {
      // Gone meanwhile.
      return [];
    }
  });
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
}

function print(all) {
  const rows = all.flatMap(({ name, figures }) =>
    Object.entries(figures).map(([what, value], index) => [
      index === 0 ? name : '',
      what,
      typeof value === 'number' ? value.toLocaleString('en-US') : value,
    ]),
  );
  const header = ['part', 'what', 'figure'];
  const width = (column) => Math.max(...[header, ...rows].map((row) => row[column].length));
  const widths = [width(0), width(1), width(2)];
  process.stdout.write('\n');
  for (const [part, what, figure] of [header, ...rows])
    process.stdout.write(
      `${part.padEnd(widths[0])}  ${what.padEnd(widths[1])}  ${figure.padStart(widths[2])}\n`,
    );
  const failures = all.flatMap(({ name, failures: own }) => own.map((text) => `${name}: ${text}`));
  for (const text of failures) process.stdout.write(`FAILED ${text}\n`);
  process.stdout.write(
    `\n${all.length} parts, seed ${seed}, ${seconds} s each: ${failures.length === 0 ? 'all held' : `${failures.length} failures`}\n`,
  );
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
