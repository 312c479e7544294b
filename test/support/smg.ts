/**
 * Shepherd Model Gateway, a Rust frontend of other people that speaks vLLM's engine protocol: installed once by pip into a
 * cache outside the clone. Where the index is out of reach, the answer is null with a reason, and the tests say so loudly.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const SMG_VERSION = '1.13.0';
const PIP_TIMEOUT_MS = 240_000;

export type Smg = { readonly path: string } | { readonly path: null; readonly reason: string };

/** The path of `smg`, ready to run. */
export function findSmg(): Smg {
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const venv = join(cacheHome, 'vllm-twin', `smg-${SMG_VERSION}`);
  const path = join(venv, 'bin', 'smg');
  if (existsSync(path)) return { path };
  try {
    mkdirSync(join(cacheHome, 'vllm-twin'), { recursive: true });
    run('python3', ['-m', 'venv', venv]);
    run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', `smg==${SMG_VERSION}`]);
    return { path };
  } catch (error) {
    // A half-made environment would be taken for a whole one.
    rmSync(venv, { recursive: true, force: true });
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { path: null, reason };
  }
}

function run(file: string, args: readonly string[]): void {
  execFileSync(file, args, { timeout: PIP_TIMEOUT_MS, stdio: ['ignore', 'ignore', 'pipe'] });
}

/**
 * The port on which smg awaits the handshake of the engines of a worker. It makes it from the worker's URL, `ipc://PATH`:
 * FNV-1a of the path, folded into 20000 to 29999.
 */
export function handshakePortOf(path: string): number {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(path))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return 20_000 + Number(hash % 10_000n);
}
