/**
 * The real Rust frontend of vLLM, out of the wheel on the package index: fetched once by pip into a cache outside the
 * clone. Where the index is out of reach, the answer is null with a reason, and the tests say so loudly.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { VLLM_VERSION } from '../../src/shared/version.ts';

export type VllmRs = { readonly path: string } | { readonly path: null; readonly reason: string };

const PIP_TIMEOUT_MS = 240_000;

function cacheFolder(): string {
  const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cacheHome, 'vllm-twin', `vllm-${VLLM_VERSION}`);
}

/** Its path where it has been fetched before; else null. */
export function cachedVllmRs(): string | null {
  const path = join(cacheFolder(), 'vllm-rs');
  return existsSync(path) ? path : null;
}

/** The path of `vllm-rs`, ready to run. */
export function findVllmRs(): VllmRs {
  const cached = cachedVllmRs();
  if (cached !== null) return { path: cached };
  const cache = cacheFolder();
  const path = join(cache, 'vllm-rs');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'download-'));
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder];
    execFileSync('python3', [...pip, `vllm==${VLLM_VERSION}`], {
      timeout: PIP_TIMEOUT_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) return { path: null, reason: 'pip left no wheel behind' };
    const extract =
      'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract("vllm/vllm-rs", sys.argv[2])';
    execFileSync('python3', ['-c', extract, join(folder, wheel), folder]);
    const binary = join(folder, 'vllm', 'vllm-rs');
    chmodSync(binary, 0o755);
    // Renaming is atomic: nobody sees half a binary.
    renameSync(binary, path);
    return { path };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { path: null, reason };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
