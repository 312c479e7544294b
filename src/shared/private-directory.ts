/**
 * The folder that a frontend's ipc sockets live in: readable by its user only, named after the process that owns it, and
 * removed by whoever is last: the frontend on its way out, a child that notices the frontend's death, or the next
 * frontend that finds the owner gone.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const PREFIX = 'vllm-twin-';
const NAME_PATTERN = /^vllm-twin-(\d+)-[A-Za-z0-9]{6}$/;
const IPC_SCHEME = 'ipc://';

export class PrivateDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** `pid` is the owner's. */
  static create(pid: number, parent: string = tmpdir()): PrivateDirectory {
    return new PrivateDirectory(mkdtempSync(join(parent, `${PREFIX}${pid}-`)));
  }

  ipcAddress(name: string): string {
    return `${IPC_SCHEME}${join(this.path, name)}`;
  }

  /** Idempotent. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Removes the folder of an ipc address, where it is such a folder; for children whose parent has died. */
export function removePrivateDirectoryOf(address: string): void {
  if (!address.startsWith(IPC_SCHEME)) return;
  const path = dirname(address.slice(IPC_SCHEME.length));
  if (NAME_PATTERN.test(basename(path))) rmSync(path, { recursive: true, force: true });
}

/** Removes folders whose owner is gone. What cannot be read or removed is somebody else's and is left alone. */
export function removeOrphanedDirectories(
  isAlive: (pid: number) => boolean = isProcessAlive,
  parent: string = tmpdir(),
): void {
  for (const name of readdirSync(parent)) {
    const pid = NAME_PATTERN.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Another user's folder: theirs to remove.
    }
  }
}

function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
