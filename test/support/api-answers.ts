/** The recorded answers of vLLM's less common endpoints, test/golden/api-answers.json, and how ours are compared. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TINYMODEL } from './http-server.ts';

export interface RecordedAnswer {
  readonly server: string;
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** A text is sent as it is; null: nothing. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  readonly answeredHeaders: Readonly<Record<string, string>>;
  readonly answer: string;
}

export function loadApiAnswers(): readonly RecordedAnswer[] {
  const path = new URL('../golden/api-answers.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as {
    cases: [string, string, string, string, unknown, object, number, object, string][];
  };
  return cases.map(
    ([server, name, method, url, body, headers, status, answeredHeaders, answer]) =>
      ({
        server,
        name,
        method,
        path: url,
        body,
        headers,
        status,
        answeredHeaders,
        answer,
      }) as RecordedAnswer,
  );
}

const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '*'],
  [/(?<![.0-9a-f])(?=[0-9]*[a-f])[0-9a-f]{16,32}(?![0-9a-f])/g, '*'],
  [/Expires=[0-9T:Z-]+/g, 'Expires=*'],
  [/"created":\d+/g, '"created":0'],
  [/chatcmpl-tool-[0-9a-f]+/g, 'chatcmpl-tool-*'],
  [/vllm-[0-9.]+-[0-9a-z-]*[0-9a-f]{8}/g, 'vllm-0.33.0-*'],
];

/** Without ids and times. */
export function masked(text: string, adapter: string): string {
  return CHANGING.reduce(
    (shown, [pattern, word]) => shown.replace(pattern, word),
    text.replaceAll(adapter, 'ADAPTER'),
  );
}

/** The golden tokenizer with `yes` and `no` as one token each, in a folder that ends with the test. */
export function yesAndNoTokenizer(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  cpSync(TINYMODEL, folder, { recursive: true });
  const path = join(folder, 'tokenizer.json');
  const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as {
    model: { vocab: Record<string, number>; merges: unknown[] };
  };
  const { vocab, merges } = tokenizer.model;
  vocab['yes'] = 4000;
  merges.push(Array.isArray(merges[0]) ? ['y', 'es'] : 'y es');
  writeFileSync(path, JSON.stringify(tokenizer));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
