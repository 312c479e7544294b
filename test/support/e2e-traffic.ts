/**
 * Sends the scripted traffic of test/golden/e2e/scenario.json and records what comes back, in the same form as
 * traffic.py did with the real vLLM.
 */
import { readFileSync } from 'node:fs';

interface Step {
  readonly path: string;
  readonly method?: string;
  readonly rank?: number;
  readonly body?: unknown;
  /** Sent as it is, to show what bad JSON gets. */
  readonly raw?: string;
  readonly repeat?: number;
  readonly parallel?: number;
}

export type Answer = Record<string, unknown>;

export interface Recording {
  readonly answers: readonly { readonly step: Step; readonly answers: readonly Answer[] }[];
  readonly metrics: { readonly content_type: string; readonly text: string };
}

export function readRecording(name: string): Recording {
  return JSON.parse(
    readFileSync(new URL(`../golden/e2e/${name}`, import.meta.url), 'utf8'),
  ) as Recording;
}

/**
 * The recording holds two requests more than the scenario, sent to see that the server was up: the metrics show a GET of
 * /v1/models and, 83 s before the others, a completion on engine 0 of 9 prompt tokens and 8 generated ones.
 */
export async function warmUp(url: string): Promise<void> {
  await (await fetch(`${url}/v1/models`)).text();
  const prompt = Array.from({ length: 9 }, (_, index) => 3001 + index);
  const body = JSON.stringify({ model: 'tiny', prompt, max_tokens: 8, ignore_eos: true });
  const headers = { 'content-type': 'application/json', 'X-data-parallel-rank': '0' };
  await (await fetch(`${url}/v1/completions`, { method: 'POST', headers, body })).text();
}

export async function sendScenario(baseUrl: string): Promise<Recording['answers']> {
  const scenario = JSON.parse(
    readFileSync(new URL('../golden/e2e/scenario.json', import.meta.url), 'utf8'),
  ) as { steps: Step[] };
  const recorded: { step: Step; answers: Answer[] }[] = [];
  for (const step of scenario.steps) {
    const answers: Answer[] = [];
    let remaining = step.repeat ?? 1;
    const worker = async (): Promise<void> => {
      while (remaining > 0) {
        remaining -= 1;
        const answer = await call(baseUrl, step);
        answers.push(answer);
      }
    };
    await Promise.all(Array.from({ length: step.parallel ?? 1 }, worker));
    recorded.push({ step, answers });
  }
  return recorded;
}

/** The recorder's token generator: any seed and length give the same tokens in every language. */
export function genTokens(seed: number, length: number): readonly number[] {
  let x = (seed * 7919 + 17) % 53125;
  return Array.from({ length }, () => {
    x = (x * 171 + 11213) % 53125;
    return 3 + (x % 3990);
  });
}

function expand(value: unknown): unknown {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if ('gen' in record) return genTokens(...(record['gen'] as [number, number]));
  if ('concat' in record)
    return (record['concat'] as unknown[]).flatMap((part) => expand(part) as number[]);
  return Object.fromEntries(Object.entries(record).map(([key, part]) => [key, expand(part)]));
}

/** As the recorder's `json.dumps` spaces it: error messages of a server name columns. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, part]) => `"${key}": ${pythonJson(part)}`);
  return `{${entries.join(', ')}}`;
}

async function call(baseUrl: string, step: Step): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (step.rank !== undefined) headers['X-data-parallel-rank'] = String(step.rank);
  const body = step.raw ?? ('body' in step ? pythonJson(expand(step.body)) : undefined);
  const response = await fetch(baseUrl + step.path, {
    method: step.method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  const { status } = response;
  return text.startsWith('data:')
    ? { status, ...streamAnswer(text) }
    : { status, ...plainAnswer(text) };
}

interface Chunk {
  readonly choices?: readonly { readonly finish_reason?: string | null }[];
  readonly usage?: unknown;
}

function streamAnswer(text: string): Answer {
  const chunks = text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as Chunk);
  return {
    done: text.trimEnd().endsWith('data: [DONE]'),
    chunks: chunks.length,
    finish_reasons: chunks
      .flatMap((chunk) => chunk.choices ?? [])
      .map((choice) => choice.finish_reason)
      .filter((reason) => Boolean(reason)),
    usage: chunks.findLast((chunk) => Boolean(chunk.usage))?.usage ?? null,
    first_chunk_keys: Object.keys(chunks[0] ?? {}).sort(),
  };
}

function plainAnswer(text: string): Answer {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { body: text.slice(0, 200) };
  }
  if ('error' in parsed) return { error: parsed['error'] };
  if ('choices' in parsed) {
    const choices = parsed['choices'] as Record<string, unknown>[];
    const usage = parsed['usage'] as Record<string, unknown>;
    const { prompt_tokens, completion_tokens, total_tokens } = usage;
    return {
      usage: { prompt_tokens, completion_tokens, total_tokens },
      finish_reasons: choices.map((choice) => choice['finish_reason']),
      keys: Object.keys(parsed).sort(),
      choice_keys: Object.keys(choices[0] ?? {}).sort(),
    };
  }
  const answer: Answer = { keys: Object.keys(parsed).sort() };
  for (const key of ['count', 'tokens', 'prompt']) if (key in parsed) answer[key] = parsed[key];
  return answer;
}

/** The first differing answer in words, or null. Answers of one step come in any order where it ran in parallel. */
export function firstAnswerDifference(
  expected: Recording['answers'],
  got: Recording['answers'],
): string | null {
  for (const [index, { step, answers }] of expected.entries()) {
    const ours = got[index]?.answers ?? [];
    if (ours.length !== answers.length)
      return `step ${index}: expected ${answers.length} answers, got ${ours.length}`;
    const canonical = (list: readonly Answer[]): string[] => list.map((a) => sortedJson(a)).sort();
    const [want, have] = [canonical(answers), canonical(ours)];
    const at = want.findIndex((text, position) => text !== have[position]);
    if (at >= 0)
      return `step ${index} (${JSON.stringify(step).slice(0, 160)}):\n  expected ${want[at]}\n  got      ${have[at]}`;
  }
  return null;
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
