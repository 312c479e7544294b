/**
 * Compiled code of our programs, kept between starts in the user's own cache folder. What is read from there is run: a
 * folder or a file that somebody else owns, or could write to, counts as none, and so does one that is not as it was
 * written: V8 crashes of such. Nothing here throws: where code cannot be kept, a start compiles it, as the first one does.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Kept in all, the newest first: what six programs leave of two versions of Node and of the last builds. */
const MAX_FILES = 24;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Behind the code, which V8 copies where it does not begin at a whole word. */
const CHECKSUM_BYTES = 4;
const OWN_FOLDER_MODE = 0o700;
const OWN_FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CACHE_HOME/vllm-twin/code`; null where there is no such place, or NODE_DISABLE_COMPILE_CACHE asks for none. */
export function codeCacheFolder(env: Environment): string | null {
  if (env['NODE_DISABLE_COMPILE_CACHE'] === '1' || process.getuid === undefined) return null;
  const { XDG_CACHE_HOME: cache = '', HOME: home = '' } = env;
  const parent = isAbsolute(cache) ? cache : isAbsolute(home) ? join(home, '.cache') : null;
  return parent === null ? null : join(parent, 'vllm-twin', 'code');
}

/** Null where there is none that is ours alone. */
export function readCode(folder: string, name: string): Buffer | null {
  try {
    if (!isOursAlone(lstatSync(folder))) return null;
    const fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && isOursAlone(stats) && stats.size <= MAX_FILE_BYTES
        ? unsealed(readFileSync(fd))
        : null;
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** Whole or not at all; the oldest files go. Several processes may write the same. */
export function writeCode(folder: string, name: string, code: Buffer): void {
  const unfinished = join(folder, `${name}.${process.pid}`);
  try {
    makeFolder(folder);
    if (code.length > MAX_FILE_BYTES || !isOursAlone(lstatSync(folder))) return;
    writeFileSync(unfinished, sealed(code), { mode: OWN_FILE_MODE, flag: 'wx' });
    renameSync(unfinished, join(folder, name));
    removeOldest(folder);
  } catch {
    remove(unfinished);
  }
}

/** Node's own `recursive` never ends where a folder that is there takes no new one: /proc, an automounter's /home. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: OWN_FOLDER_MODE });
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function sealed(code: Buffer): Buffer {
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(code));
  return Buffer.concat([code, checksum]);
}

function unsealed(file: Buffer): Buffer | null {
  const end = file.length - CHECKSUM_BYTES;
  if (end <= 0) return null;
  const code = file.subarray(0, end);
  return crc32(code) === file.readUInt32LE(end) ? code : null;
}

function removeOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return { path, writtenMs: lstatSync(path).mtimeMs };
  });
  files.sort((a, b) => b.writtenMs - a.writtenMs);
  for (const { path } of files.slice(MAX_FILES)) remove(path);
}

/** What cannot be removed was perhaps never there. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next one that keeps code tries again.
  }
}

function isOursAlone({ uid, mode }: Stats): boolean {
  return uid === process.getuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}
