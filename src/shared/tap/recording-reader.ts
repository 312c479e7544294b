/**
 * Reads recordings back: files and folders of any number of processes and hosts, merged by time. A line at a time of each
 * process is in memory, however long the recording.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, reasonOf } from '../errors.ts';
import { LineReader } from './line-reader.ts';
import type { RawFrame } from './raw-frame.ts';
import {
  RECORDING_SUFFIX,
  type RecordingHead,
  readHead,
  readRecordingLine,
} from './recording-format.ts';
import { placeInTime } from './recording-time.ts';

/** A frame with what its file says of it. */
export interface RecordedFrame {
  readonly frame: RawFrame;
  readonly process: string;
  /** Which process of that name: servers of several ranks each have their `APIServer`. */
  readonly run: string;
  /** Milliseconds since the earliest process of the recording began to keep frames. */
  readonly tMs: number;
}

/** Something that a recording lacks. */
export interface RecordingGap {
  readonly file: string;
  readonly line: number;
  /** `bad-line`: it is left out. `dropped`: the recorder could not keep up. */
  readonly kind: 'bad-line' | 'dropped';
  /** Frames that are missing; at least one where it cannot be known. */
  readonly count: number;
  /** `FILE:LINE: what is wrong`. */
  readonly message: string;
}

export interface ReadOptions {
  /** Told of every gap, in the order in which they are met; reading goes on. */
  readonly onGap?: (gap: RecordingGap) => void;
}

/** A file, and what it says of itself. */
interface RecordedFile {
  readonly path: string;
  readonly head: RecordingHead;
}

/** One process's files in order. */
interface Chain {
  readonly run: string;
  readonly head: RecordingHead;
  readonly paths: readonly string[];
}

/**
 * All frames of the files and folders in order of time; of the same moment, in order of processes' names and `seq`. A file that
 * is named twice, and a copy of one, count once. A folder's empty files are processes that ended before they wrote, and count
 * for nothing. Throws E_BAD_FILE, before the first frame, for a path that is no file, a folder without a recording, and a file
 * whose first line is no head; a bad line further down is a gap.
 */
export async function* readRecordings(
  paths: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<RecordedFrame> {
  const chains = chainsOf(recordingFiles(paths).map(openHead));
  const offsets = placeInTime(chains.map(({ head }) => head));
  const sources = chains.map(
    (chain, index) => new Source(chain, offsets[index] ?? 0, options.onGap ?? (() => {})),
  );
  try {
    for (;;) {
      const first = firstOf(sources);
      if (first === null) return;
      yield first;
    }
  } finally {
    for (const source of sources) source.close();
  }
}

/** What the files say of the processes, one each, in order of their names. Throws as `readRecordings`. */
export function readRecordingHeads(paths: readonly string[]): readonly RecordingHead[] {
  return chainsOf(recordingFiles(paths).map(openHead)).map(({ head }) => head);
}

/** Takes the earliest frame of all sources; null at the end of all. There are as many sources as processes: few. */
function firstOf(sources: readonly Source[]): RecordedFrame | null {
  let first: Source | null = null;
  for (const source of sources) {
    const { peeked } = source;
    if (peeked === null) continue;
    if (first === null || peeked.tMs < (first.peeked?.tMs ?? 0)) first = source;
  }
  return first?.take() ?? null;
}

/** The frames of one process, one ahead. */
class Source {
  readonly #chain: Chain;
  readonly #offsetMs: number;
  readonly #onGap: (gap: RecordingGap) => void;
  #reader: LineReader | null = null;
  #fileIndex = -1;
  #peeked: RecordedFrame | null | undefined;

  constructor(chain: Chain, offsetMs: number, onGap: (gap: RecordingGap) => void) {
    this.#chain = chain;
    this.#offsetMs = offsetMs;
    this.#onGap = onGap;
  }

  /** Null at the end. */
  get peeked(): RecordedFrame | null {
    if (this.#peeked === undefined) this.#peeked = this.#read();
    return this.#peeked;
  }

  take(): RecordedFrame | null {
    const taken = this.peeked;
    this.#peeked = undefined;
    return taken;
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
    this.#fileIndex = this.#chain.paths.length;
  }

  #read(): RecordedFrame | null {
    for (;;) {
      if (this.#reader === null && !this.#openNext()) return null;
      const line = this.#reader?.next() ?? null;
      if (line === null) {
        this.#reader?.close();
        this.#reader = null;
        continue;
      }
      // The head: it has been read before, and is the same for the whole chain.
      if (line.number === 1) continue;
      const read = line.text === null ? 'is too long for a frame' : readRecordingLine(line.text);
      if (typeof read === 'string') {
        const what = line.isCutOff ? 'is cut off: its process was stopped while it wrote' : read;
        this.#tell(line.number, 'bad-line', 1, what);
      } else if ('dropped' in read) {
        const what = `${read.dropped} frames are missing: they came faster than they could be written`;
        this.#tell(line.number, 'dropped', read.dropped, what);
      } else {
        const { process } = this.#chain.head;
        const { run } = this.#chain;
        return { frame: read, process, run, tMs: read.monotonic_ms + this.#offsetMs };
      }
    }
  }

  #openNext(): boolean {
    this.#fileIndex += 1;
    const path = this.#chain.paths[this.#fileIndex];
    if (path === undefined) return false;
    this.#reader = readable(path, () => new LineReader(path));
    return true;
  }

  #tell(line: number, kind: RecordingGap['kind'], count: number, what: string): void {
    const file = this.#chain.paths[this.#fileIndex] ?? '';
    this.#onGap({ file, line, kind, count, message: `${file}:${line}: ${what}` });
  }
}

/** Every file that is meant, once. */
function recordingFiles(paths: readonly string[]): readonly string[] {
  return [
    ...new Set(
      paths.flatMap((path) => {
        const stats = readable(path, () => statSync(path));
        if (stats.isFile()) return [path];
        if (!stats.isDirectory())
          throw new ConfigError(
            'E_BAD_FILE',
            `${path}: is no file, and a recording is read more than once; write it to a file first`,
          );
        const found = readable(path, () => readdirSync(path))
          .filter((name) => name.endsWith(RECORDING_SUFFIX))
          .sort()
          .map((name) => join(path, name))
          .filter((each) => hasBytes(each));
        if (found.length === 0)
          throw new ConfigError(
            'E_BAD_FILE',
            `${path}: holds no recording (no file with something in it that ends with ${RECORDING_SUFFIX}); record with serve --record ${path}`,
          );
        return found;
      }),
    ),
  ];
}

/** A file with something in it; other things of a folder, such as a pipe, are never opened. */
function hasBytes(path: string): boolean {
  const stats = readable(path, () => statSync(path));
  return stats.isFile() && stats.size > 0;
}

function openHead(path: string): RecordedFile {
  const line = readable(path, () => {
    const reader = new LineReader(path);
    try {
      return reader.next();
    } finally {
      reader.close();
    }
  });
  const head = line?.text == null ? 'is empty' : readHead(line.text);
  if (typeof head === 'string')
    throw new ConfigError('E_BAD_FILE', `${path}:1: is no head of a recording: ${head}`);
  return { path, head };
}

/** Parts of one process's recording, in order, become one chain; chains are in order of their processes' names. */
function chainsOf(files: readonly RecordedFile[]): readonly Chain[] {
  const byProcess = new Map<string, RecordedFile[]>();
  for (const file of files) {
    const { process, host, pid, wall_ms } = file.head;
    const key = JSON.stringify([process, host, pid, wall_ms]);
    byProcess.set(key, [...(byProcess.get(key) ?? []), file]);
  }
  return [...byProcess]
    .map(([run, parts]) => [run, inOrder(parts)] as const)
    .flatMap(([run, parts]) => {
      const [first] = parts;
      return first === undefined
        ? []
        : [{ run, head: first.head, paths: parts.map(({ path }) => path) }];
    })
    .sort((a, b) => compare(a.head.process, b.head.process) || a.head.wall_ms - b.head.wall_ms);
}

/** By their numbers; of copies of one part the longest, which was made last. */
function inOrder(files: readonly RecordedFile[]): readonly RecordedFile[] {
  const byPart = new Map<number, RecordedFile>();
  for (const file of files) {
    const known = byPart.get(file.head.part);
    if (known === undefined || sizeOf(known) < sizeOf(file)) byPart.set(file.head.part, file);
  }
  return [...byPart.values()].sort((a, b) => a.head.part - b.head.part);
}

function sizeOf({ path }: RecordedFile): number {
  return readable(path, () => statSync(path)).size;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `${path}: cannot be read (${reason})`, { cause });
  }
}
