/**
 * Attack on everything that reads text: megabytes that are hard to tokenize, chats of thousands of messages, strangers'
 * templates that never end or eat memory, clients that leave. /health is asked all the while.
 */
import { probeHealth } from '../../test/support/health-prober.ts';
import { hostileTexts } from '../../test/support/hostile-texts.ts';
import { TINYMODEL, Twin } from '../../test/support/twin.ts';

const MAX_LENGTH = 500_000;
const LEAVE_MS = 20;
const AT_ONCE = 4;
const RENDER_TIMEOUT_SECONDS = 2;
/** On a machine that does other things too. */
const HEALTH_LIMIT_MS = 2_000;
const TEMPLATES = [
  '{{ messages[0].content }}',
  '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
  '{% for i in range(100001) %}{% endfor %}',
  '{% set ns = namespace(a=["x"]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}',
  '{% set ns = namespace(a="x") %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}',
  `{{ ${'('.repeat(50_000)} }}`,
  `{% for a in ${' '.repeat(200_000)}%}`,
  '{%for '.repeat(20_000),
] as const;

interface Sent {
  readonly path: string;
  readonly body: object;
}

/** mulberry32. */
function prng(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function nextRequest(random: () => number): Sent {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const length = Math.floor(random() * MAX_LENGTH);
  const [, text] = pick(hostileTexts(length + 100));
  const messages = [{ role: 'user', content: 'Q' }];
  const kinds: readonly (() => Sent)[] = [
    () => ({ path: '/tokenize', body: { prompt: text, return_token_strs: random() < 0.2 } }),
    () => ({ path: '/tokenize', body: { messages: [{ role: 'user', content: text }] } }),
    () => ({ path: '/v1/completions', body: { prompt: [text, text], max_tokens: 1 } }),
    () => ({
      path: '/v1/completions',
      body: { prompt: text, max_tokens: 1, truncate_prompt_tokens: 3, echo: true },
    }),
    () => ({
      path: '/tokenize',
      body: {
        messages: Array.from({ length: length / 100 }, (_, i) => ({
          role: i % 2 === 0 ? 'user' : 'assistant',
          content: 'word',
        })),
      },
    }),
    () => ({
      path: '/detokenize',
      body: { tokens: Array.from({ length: length / 2 }, (_, i) => (i * 7919) % 5000) },
    }),
    () => ({
      path: '/v1/chat/completions',
      body: { messages, chat_template: pick(TEMPLATES), max_tokens: 1 },
    }),
  ];
  return pick(kinds)();
}

async function send(url: string, { path, body }: Sent, signal: AbortSignal | null) {
  try {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', ...body }),
      signal,
    });
    await response.arrayBuffer();
    return `status ${response.status}`;
  } catch {
    return signal?.aborted === true ? 'left' : 'no answer';
  }
}

/** Starts a server, sends for about `seconds`, stops it. The same seed sends the same requests. */
export async function run({ seed, seconds }: { readonly seed: number; readonly seconds: number }) {
  const env = { VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT: String(RENDER_TIMEOUT_SECONDS) };
  const words = ['--served-model-name', 'tiny', '--max-model-len', '4096', '--port', '0'];
  const twin = new Twin(['serve', TINYMODEL, ...words, '--trust-request-chat-template'], env);
  const figures: Record<string, number | string> = { requests: 0 };
  const failures: string[] = [];
  try {
    const url = await twin.url();
    const random = prng(seed);
    const endMs = performance.now() + seconds * 1000;
    const health = await probeHealth(url, async () => {
      while (performance.now() < endMs) {
        const round = Array.from({ length: AT_ONCE }, () => {
          const signal = random() < 0.2 ? AbortSignal.timeout(LEAVE_MS) : null;
          return send(url, nextRequest(random), signal);
        });
        for (const outcome of await Promise.all(round)) {
          figures['requests'] = Number(figures['requests']) + 1;
          figures[outcome] = Number(figures[outcome] ?? 0) + 1;
          if (outcome === 'no answer') failures.push('A request got no answer.');
        }
      }
    });
    figures['health asked'] = health.count;
    figures['longest wait for health (ms)'] = Math.round(health.worstMs);
    if (health.failure !== null) failures.push(`/health failed: ${health.failure}.`);
    if (health.worstMs > HEALTH_LIMIT_MS)
      failures.push(`/health waited ${Math.round(health.worstMs)} ms.`);
  } finally {
    const { code } = await twin.stop();
    if (code !== 0) failures.push(`The server ended with ${code}.`);
  }
  return { name: 'tokenize', figures, failures };
}
