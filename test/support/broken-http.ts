/** HTTP answers of an honest frontend as a broken one would give them. */
import type { Fetch } from '../../src/conform/frontend/http-side.ts';

/** What becomes of a question; `next` asks the frontend itself. */
export type BreakHttp = (ask: Asked) => Promise<Response>;

export interface Asked {
  readonly path: string;
  /** Of a completion; empty of all else. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly next: () => Promise<Response>;
}

export function brokenFetch(breakHttp: BreakHttp): Fetch {
  return (url, init) => {
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as object) : {};
    return breakHttp({
      path: new URL(url).pathname,
      body: { ...body },
      next: () => fetch(url, init),
    });
  };
}

/** Completions of so many tokens are answered with what `change` makes of the answer. */
export function ofLimit(
  limit: number,
  change: (response: Response) => Promise<Response>,
): BreakHttp {
  return async ({ path, body, next }) => {
    const response = await next();
    return path === '/v1/completions' && body['max_tokens'] === limit ? change(response) : response;
  };
}

/** They get a status of their own. */
export function withStatus(status: number): (response: Response) => Promise<Response> {
  return async (response) => new Response(await response.text(), { status });
}

/** They get another text. */
export function withText(
  change: (text: string) => string,
): (response: Response) => Promise<Response> {
  return async (response) =>
    new Response(change(await response.text()), { status: response.status });
}

/** /metrics line by line; null leaves the line out. */
export function metricsLines(change: (line: string) => string | null): BreakHttp {
  return async ({ path, next }) => {
    const response = await next();
    if (path !== '/metrics') return response;
    const lines = (await response.text()).split('\n').flatMap((line) => change(line) ?? []);
    return new Response(lines.join('\n'), { status: response.status });
  };
}

/** Samples of a family have their values changed. */
export function sampleValues(name: string, change: (value: number) => number): BreakHttp {
  return metricsLines((line) => {
    if (!line.startsWith(`${name}{`)) return line;
    const at = line.lastIndexOf(' ');
    return `${line.slice(0, at)} ${change(Number(line.slice(at + 1)))}`;
  });
}
