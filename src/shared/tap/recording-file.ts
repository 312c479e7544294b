/**
 * The files that one process's recording is written to: part after part, each begun with the head line, none beyond its
 * size. Writes say where in the file they go, so that one which was under way when the process ended can be made again.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { ConfigError, reasonOf } from '../errors.ts';
import { RECORDING_SCHEMA, RECORDING_SUFFIX, type RecordingHead } from './recording-format.ts';

/** Where a part ends and the next begins. */
export const MAX_PART_BYTES = 64 * 1024 * 1024;
/** Names that are tried before giving up: a host, a pid and a millisecond are taken twice only by clones of a machine. */
const MAX_NAME_TRIES = 100;
const MAX_HOST_CHARACTERS = 64;
const PART_DIGITS = 4;

/**
 * Makes the folder where there is none, and writes to it. Throws E_BAD_FLAG with what the system says: a start that cannot
 * be recorded ends before it began.
 */
export function checkRecordFolder(folder: string): void {
  const probe = join(folder, `.${hostPart()}-${process.pid}.probe`);
  try {
    makeFolder(folder);
    const fd = openSync(probe, 'w');
    try {
      writeSync(fd, 'x');
    } finally {
      closeSync(fd);
      rmSync(probe, { force: true });
    }
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError(
      'E_BAD_FLAG',
      `--record ${folder}: no recording can be written there (${reason}); name a folder that can be made and written to`,
      { cause },
    );
  }
}

/** One folder at a time: Node's own way of making all of them never ends where a file system makes none, as /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process that records there may have been faster.
    if (!existsSync(folder)) throw error;
  }
}

/** What each part of a recording of this process says of it, begun now; `vllmVersion`: whose wire it speaks or hears. */
export function recordingHeadOf(
  name: string,
  vllmVersion: string,
  clock: Clock,
): Omit<RecordingHead, 'part'> {
  return {
    schema: RECORDING_SCHEMA,
    process: name,
    host: hostname(),
    pid: process.pid,
    wall_ms: clock.wallMs(),
    monotonic_ms: clock.monotonicMs(),
    vllm_version: vllmVersion,
  };
}

export interface RecordingFileOptions {
  readonly folder: string;
  readonly head: Omit<RecordingHead, 'part'>;
  readonly maxPartBytes?: number;
}

export class RecordingFile {
  readonly #folder: string;
  readonly #head: Omit<RecordingHead, 'part'>;
  readonly #maxPartBytes: number;
  /** `PROCESS.START`, of all parts. */
  #stem = '';
  #part = 0;
  #path = '';
  #fd = -1;
  #position = 0;
  #headBytes = 0;
  /** Of a write that is under way: it is closed behind that. */
  #writingFd: number | null = null;
  #isClosed = false;

  /** Begins the first part. Throws the system's error. */
  constructor({ folder, head, maxPartBytes = MAX_PART_BYTES }: RecordingFileOptions) {
    this.#folder = folder;
    this.#head = head;
    this.#maxPartBytes = maxPartBytes;
    this.#openPart();
  }

  /** Of the part that is written to. */
  get path(): string {
    return this.#path;
  }

  /** Writes whole lines behind all others; calls back with the error, or with null. One at a time. */
  append(lines: Buffer, done: (error: Error | null) => void): void {
    try {
      this.#makeRoom(lines.length);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const fd = this.#fd;
    const start = this.#position;
    this.#writingFd = fd;
    const writeFrom = (offset: number): void => {
      write(fd, lines, offset, lines.length - offset, start + offset, (error, numWritten) => {
        const end = offset + (numWritten ?? 0);
        if (error === null && end < lines.length && !this.#isClosed) {
          writeFrom(end);
          return;
        }
        this.#writingFd = null;
        if (this.#isClosed) {
          closeSync(fd);
          return;
        }
        if (error === null) this.#position = start + lines.length;
        else this.#cutBack();
        done(error);
      });
    };
    writeFrom(0);
  }

  /**
   * As `append`, at once, and for good: the file is to be closed next. Lines whose writing is under way are handed over
   * again, as the first ones. Throws.
   */
  appendSync(lines: Buffer): void {
    if (this.#isClosed) return;
    this.#makeRoom(lines.length);
    try {
      let offset = 0;
      while (offset < lines.length)
        offset += writeSync(
          this.#fd,
          lines,
          offset,
          lines.length - offset,
          this.#position + offset,
        );
      this.#position += lines.length;
    } catch (error) {
      this.#cutBack();
      throw error;
    }
  }

  /** Idempotent. A write that is under way is let come to its end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeFd(this.#fd);
  }

  #makeRoom(numBytes: number): void {
    const isEmpty = this.#position === this.#headBytes;
    if (isEmpty || this.#position + numBytes <= this.#maxPartBytes) return;
    const full = this.#fd;
    this.#openPart();
    this.#closeFd(full);
  }

  #closeFd(fd: number): void {
    if (fd !== this.#writingFd) closeSync(fd);
  }

  /** Leaves everything as it was where it throws. */
  #openPart(): void {
    const part = this.#part + 1;
    const fd = part === 1 ? this.#openFirst() : this.#openNamed(part);
    const head = Buffer.from(`${JSON.stringify({ ...this.#head, part })}\n`);
    try {
      writeSync(fd, head, 0, head.length, 0);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#fd = fd;
    this.#part = part;
    this.#position = head.length;
    this.#headBytes = head.length;
  }

  /** A name that nobody has. */
  #openFirst(): number {
    const { process: name, pid, wall_ms } = this.#head;
    const start = new Date(wall_ms).toISOString().replace(/[-:]/g, '').replace('.', '_');
    for (let tries = 1; ; tries++) {
      const again = tries === 1 ? '' : `-${tries}`;
      this.#stem = `${name}.${start}-${hostPart()}-${pid}${again}`;
      try {
        return this.#openNamed(1);
      } catch (error) {
        const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
        if (!isTaken || tries === MAX_NAME_TRIES) throw error;
      }
    }
  }

  #openNamed(part: number): number {
    const number = String(part).padStart(PART_DIGITS, '0');
    const path = join(this.#folder, `${this.#stem}.${number}${RECORDING_SUFFIX}`);
    const fd = openSync(path, 'wx');
    this.#path = path;
    return fd;
  }

  /** Half a line helps nobody. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#position);
    } catch {
      // The file system that refused the lines may refuse this too: readers bear with a line that is cut off.
    }
  }
}

/** As a file's name can have it. */
function hostPart(): string {
  return hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, MAX_HOST_CHARACTERS);
}
