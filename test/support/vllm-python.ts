/**
 * A Python that has vLLM itself, named by VLLM_TWIN_PYTHON. Where it is not named or has another version, the answer is null
 * with a reason, and the tests say so loudly.
 */
import { execFileSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import { waitUntil } from './wait-for.ts';

/** Importing vLLM reads some thousand files: minutes on a busy machine. */
export const VLLM_START_DEADLINE_MS = 600_000;

/** vLLM without a GPU: its platform is named because none can be found, and nothing is asked of the network. */
export const VLLM_PYTHON_ENV: Readonly<Record<string, string>> = {
  VLLM_TARGET_DEVICE: 'cpu',
  VLLM_NO_USAGE_STATS: '1',
  HF_HUB_OFFLINE: '1',
  PYTHONPATH: [fileURLToPath(new URL('./python', import.meta.url)), process.env['PYTHONPATH'] ?? '']
    .filter((folder) => folder !== '')
    .join(delimiter),
};

/** The words before `serve` of vLLM's command line. */
export const VLLM_CLI = ['-m', 'vllm.entrypoints.cli.main'];

export type VllmPython =
  | { readonly path: string }
  | { readonly path: null; readonly reason: string };

/** The Python to run vLLM with. The version is read from the package's metadata, without importing it. */
export function findVllmPython(path = process.env['VLLM_TWIN_PYTHON'] ?? ''): VllmPython {
  if (path === '')
    return { path: null, reason: `VLLM_TWIN_PYTHON names no Python with vllm ${VLLM_VERSION}` };
  const question = 'import importlib.metadata as m; print(m.version("vllm"))';
  try {
    const version = execFileSync(path, ['-c', question], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    // A build's own part, as in 0.33.0+cpu, changes nothing on the wire.
    if (version.split('+')[0] === VLLM_VERSION) return { path };
    return { path: null, reason: `${path} has vllm ${version}, not ${VLLM_VERSION}` };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { path: null, reason: `VLLM_TWIN_PYTHON: ${reason}` };
  }
}

/** Until the server at `url` answers /health; throws with what they said where one of the processes ended before. */
export async function waitForHealth(
  url: string,
  processes: readonly { readonly exit: unknown; readonly log: string }[],
): Promise<void> {
  await waitUntil(
    '200 of /health',
    async () => {
      if (processes.some(({ exit }) => exit !== null)) {
        throw new Error(`ended too early:\n${processes.map(({ log }) => log).join('\n')}`);
      }
      return (await fetch(`${url}/health`).catch(() => null))?.status === 200;
    },
    { timeoutMs: VLLM_START_DEADLINE_MS, intervalMs: 500 },
  );
}
