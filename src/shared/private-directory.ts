/**
 * The folder that a frontend's ipc sockets live in: readable by its user only, named after the process that owns it, and
 * removed by whoever is last: the frontend on its way out, a child that notices the frontend's death, or the next
 * frontend that finds the owner gone. A name says in which pid namespace of which boot its pid counts: two containers
 * that share a folder leave each other's alone.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ConfigError } from './errors.ts';
import { hasProcess, readPidSpace, readProcessEntry } from './process-table.ts';

const PREFIX = 'vllm-twin-';
const NAME_PATTERN = /^vllm-twin-(\d+)-([0-9a-z]+)-([0-9a-f]{6})-[A-Za-z0-9]{6}$/;
const RANDOM_CHARACTERS = 6;
const IPC_SCHEME = 'ipc://';
/** Bytes of a Unix socket's path, its closing zero not counted. Source: sockaddr_un of Linux. */
const MAX_SOCKET_PATH_BYTES = 107;
/** Room for the longest name of a socket in it. */
const MAX_SOCKET_NAME_BYTES = '/coordinator-output'.length;
/** Where a folder may be made when TMPDIR will not do, in this order. Source: Python's tempfile, which vLLM asks. */
const FALLBACK_PARENTS: readonly string[] = ['/tmp', '/var/tmp', '/dev/shm'];

/** A process as a folder's name has it. */
export interface DirectoryOwner {
  readonly pid: number;
  /** Ticks from boot to its start; 0 where the system does not tell. */
  readonly startTime: number;
  /** Which processes its pid counts among. */
  readonly pidSpace: string;
}

export function directoryOwnerOf(pid: number): DirectoryOwner {
  return {
    pid,
    startTime: readProcessEntry(pid)?.startTime ?? 0,
    pidSpace: readPidSpace() ?? 'this machine',
  };
}

export class PrivateDirectory {
  readonly path: string;
  /** The places that would not do before this one, each with the reason; usually none. */
  readonly refused: readonly string[];

  private constructor(path: string, refused: readonly string[]) {
    this.path = path;
    this.refused = refused;
  }

  /** Made in the first of `parents` that can hold it. Throws E_NO_DIRECTORY naming each and why not. */
  static create(
    owner: DirectoryOwner = directoryOwnerOf(process.pid),
    parents: readonly string[] = candidateParents(),
  ): PrivateDirectory {
    const refused: string[] = [];
    for (const parent of parents) {
      const prefix = join(parent, namePrefixOf(owner));
      const length = Buffer.byteLength(prefix) + RANDOM_CHARACTERS + MAX_SOCKET_NAME_BYTES;
      if (length > MAX_SOCKET_PATH_BYTES) {
        refused.push(
          `${parent} (a socket's path there has ${length} bytes, more than the ${MAX_SOCKET_PATH_BYTES} that the system takes)`,
        );
        continue;
      }
      try {
        return new PrivateDirectory(mkdtempSync(prefix), refused);
      } catch (error) {
        refused.push(`${parent} (${codeOf(error)})`);
      }
    }
    throw new ConfigError(
      'E_NO_DIRECTORY',
      `no folder for the sockets between the processes: tried ${refused.join(', ')}. Set TMPDIR to a short, writable one.`,
    );
  }

  ipcAddress(name: string): string {
    return `${IPC_SCHEME}${join(this.path, name)}`;
  }

  /** Idempotent. What cannot be removed stays: a process on its way out has nobody to tell. */
  remove(): void {
    removeFolder(this.path);
  }
}

/** TMPDIR as the system has it, then where one is likely to be writable. */
export function candidateParents(first: string = tmpdir()): readonly string[] {
  return [...new Set([first, ...FALLBACK_PARENTS])];
}

/** For children whose parent has died: removes a folder that `create` made; anything else is left alone. */
export function removePrivateDirectory(path: string): void {
  if (NAME_PATTERN.test(basename(path))) removeFolder(path);
}

/** Removes folders whose owner is gone. What cannot be read or removed is somebody else's and is left alone. */
export function removeOrphanedDirectories(
  parents: readonly string[] = candidateParents(),
  isOwnerGone: (owner: Omit<DirectoryOwner, 'pidSpace'>) => boolean = isGone,
  pidSpace: string = directoryOwnerOf(process.pid).pidSpace,
): void {
  for (const parent of parents) {
    for (const name of namesIn(parent)) {
      const [, pid, startTime, space] = NAME_PATTERN.exec(name) ?? [];
      // The pids of another namespace say nothing here.
      if (pid === undefined || startTime === undefined || space !== hashOf(pidSpace)) continue;
      if (isOwnerGone({ pid: Number(pid), startTime: Number.parseInt(startTime, 36) }))
        removeFolder(join(parent, name));
    }
  }
}

/** `vllm-twin-PID-STARTTIME-NAMESPACE-`. */
function namePrefixOf({ pid, startTime, pidSpace }: DirectoryOwner): string {
  return `${PREFIX}${pid}-${startTime.toString(36)}-${hashOf(pidSpace)}-`;
}

function hashOf(pidSpace: string): string {
  return createHash('sha256').update(pidSpace).digest('hex').slice(0, 6);
}

/** No process of that id, or one that started at another time and so has the number of a dead one. */
function isGone({ pid, startTime }: Omit<DirectoryOwner, 'pidSpace'>): boolean {
  if (!hasProcess(pid)) return true;
  const entry = readProcessEntry(pid);
  return entry !== null && startTime !== 0 && entry.startTime !== startTime;
}

function namesIn(parent: string): readonly string[] {
  try {
    return readdirSync(parent);
  } catch {
    return [];
  }
}

function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's, or a file system that takes no changes any more.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
