/** Starts a script of this folder as a process of its own, on a core; it has a channel for messages. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pinned } from './pinning.ts';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export function startScript(name: string, words: readonly string[], cores: string): ChildProcess {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const [file = '', ...args] = pinned(cores, [process.execPath, '--import', TSX, script, ...words]);
  return spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
