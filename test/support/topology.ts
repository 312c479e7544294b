/** Several servers of one data-parallel mixture-of-experts model on this machine, and what a client sees of them. */
import { TINYMODEL, Twin } from './twin.ts';

const MODEL = ['openai/gpt-oss-20b', '--tokenizer', TINYMODEL, '--served-model-name', 'tiny'];
const SIZES = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];

/** `serve` of the model, with development endpoints. */
export function startServer(words: readonly string[]): Twin {
  return new Twin(['serve', ...MODEL, ...SIZES, '--step-time', 'zero', ...words], {
    VLLM_SERVER_DEV_MODE: '1',
  });
}

export async function parallelConfigOf(url: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${url}/server_info?config_format=json`);
  const info = (await response.json()) as {
    vllm_config: { parallel_config: Readonly<Record<string, unknown>> };
  };
  return info.vllm_config.parallel_config;
}

export async function complete(url: string): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt: 'Hello', max_tokens: 3 }),
  });
  await response.text();
  return response.status;
}

/** Requests that each engine has finished, by its rank. */
export async function finishedByEngine(url: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts: Record<string, number> = {};
  for (const [, labels = '', value] of text.matchAll(
    /^vllm:request_success_total\{([^}]*)\} (\S+)$/gm,
  )) {
    const engine = /engine="(\d+)"/.exec(labels)?.[1] ?? '';
    counts[engine] = (counts[engine] ?? 0) + Number(value);
  }
  return counts;
}
