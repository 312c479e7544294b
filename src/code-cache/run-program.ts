/**
 * Runs a bundled program with the code that V8 compiled of it at an earlier start; without, a start compiles it and, once
 * the process has come to rest, keeps what was compiled: the functions too that only run in a start. The same on every
 * Node: `module.enableCompileCache` of Node 22 keeps code when a process ends by itself, which an engine never does.
 */
import { fstatSync, openSync, readFileSync } from 'node:fs';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';
import { codeCacheFolder, readCode, writeCode } from './code-cache.ts';

/** The module that stands for a program, and how it loads others. */
export interface Program {
  readonly module: NodeJS.Module & { _compile?: (source: string, file: string) => void };
  readonly require: NodeJS.Require;
  /** Of the bundle's bytes. */
  readonly hash: string;
  /** What one of several things it does is kept apart by: the command's name. */
  readonly variant?: string | undefined;
}

/**
 * In front of the bundle and behind it, on lines of their own. `import()` in code that was kept finds no loader on Node 20,
 * so that the bundler writes `$mport()` in its place: as long, for its source map.
 */
export const WRAPPER = [
  '(function (exports, require, module, __filename, __dirname, $mport) {',
  '})',
] as const;

const REST_CHECK_MS = 1_000;
/** Of processor time within a check: a process that is not busy has started. */
const MAX_REST_CPU_MICROSECONDS = 50_000;
/** A process that is never at rest keeps nothing. */
const MAX_REST_CHECKS = 120;

export function runProgram({ module, require, hash, variant = '' }: Program): void {
  const file = module.filename.replace(/\.cjs$/, '.bundle.cjs');
  const fd = openSync(file, 'r');
  // A bundle is ASCII: as such it takes a byte a character, and is not looked through.
  const source = readFileSync(fd, 'latin1');
  if (process.sourceMapsEnabled && module._compile !== undefined) {
    // Node maps the stacks of modules only.
    const [before, after] = WRAPPER;
    const inner = source.slice(before.length).replace(`\n${after}\n`, '\n');
    module._compile(`const $mport = (name) => import(name);${inner}`, file);
    return;
  }
  const folder = codeCacheFolder(process.env);
  const name = [
    file.split('/').slice(-2).join('-').replace('.bundle.cjs', ''),
    /^[a-z]+$/.test(variant) ? variant : 'any',
    hash,
    fstatSync(fd).mtimeMs.toString(36),
    // V8 takes code of another Node with the same V8 for its own, and crashes of it.
    process.version,
    process.arch,
    // Its flags and the processor's features.
    cachedDataVersionTag().toString(36),
  ].join('-');
  const cachedData = folder === null ? null : readCode(folder, name);
  const script = new Script(source, {
    filename: file,
    ...(cachedData === null ? {} : { cachedData }),
  });
  const run = script.runInThisContext() as (...args: readonly unknown[]) => void;
  const load = (name: string): Promise<unknown> => import(name);
  run.call(module.exports, module.exports, require, module, file, module.path, load);
  const isKept = cachedData !== null && script.cachedDataRejected !== true;
  if (folder !== null && !isKept)
    onceAtRest(() => writeCode(folder, name, script.createCachedData()));
}

/** Also when the process ends well before; not when it fails. Keeps no process alive. */
function onceAtRest(keep: () => void): void {
  let usage = process.cpuUsage();
  let checks = 0;
  const atEnd = (exitCode: number): void => {
    if (exitCode === 0) keep();
  };
  const stop = (): void => {
    clearInterval(timer);
    process.off('exit', atEnd);
  };
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(usage);
    usage = process.cpuUsage();
    checks += 1;
    if (user + system > MAX_REST_CPU_MICROSECONDS && checks < MAX_REST_CHECKS) return;
    stop();
    if (checks < MAX_REST_CHECKS) keep();
  }, REST_CHECK_MS).unref();
  process.on('exit', atEnd);
}
