/** `--live`: each query is run, and what comes stands beside what the rules say. */
import { type LiveVerdict, liveFindings, liveVerdicts } from '../../lint/live/live-verdicts.ts';
import { PrometheusClient, PrometheusUnreachable } from '../../lint/live/prometheus-client.ts';
import type { SourceQuery } from '../../lint/source-query.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { Judged } from './judged.ts';
import { startSimulatedPrometheus } from './simulated-prometheus.ts';

export interface LiveReport {
  /** Where was asked, without what is secret in it. */
  readonly where: string;
  /** Seconds since 1970; null: now. */
  readonly at: number | null;
  /** With what is found besides. */
  readonly judged: readonly Judged[];
  readonly verdicts: ReadonlyMap<SourceQuery, LiveVerdict>;
}

export interface LiveSettings {
  readonly live: string;
  readonly at: number | null;
  readonly ignored: ReadonlySet<string>;
  /** How far it has come. */
  readonly tell?: (text: string) => void;
}

/** Throws E_BAD_FLAG where nothing answers. */
export async function askLive(
  judged: readonly Judged[],
  settings: LiveSettings,
): Promise<LiveReport> {
  const { live, at } = settings;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(live)) {
    settings.tell?.(`Prometheus takes in ${live}`);
    const simulated = await startSimulatedPrometheus(live);
    try {
      const end = at ?? simulated.endS;
      return { ...(await ask(judged, simulated.url, { ...settings, at: end })), where: live };
    } finally {
      await simulated.stop();
    }
  }
  return ask(judged, urlOf(live), settings);
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ConfigError(
      'E_BAD_FLAG',
      `--live '${text}': must be http:// or https:// and a host, or a file of simulate --openmetrics`,
    );
  return url;
}

async function ask(
  judged: readonly Judged[],
  url: URL,
  { at, ignored, tell }: LiveSettings,
): Promise<LiveReport> {
  const client = new PrometheusClient(url, at);
  const queries = judged.flatMap((file) => file.queries);
  try {
    // Asked first, so that a wrong address is told as such.
    await client.ask('vector(1)');
    const answers = await liveVerdicts(queries, client, (done) =>
      tell?.(`${done} of ${queries.length} asked`),
    );
    const verdicts = new Map<SourceQuery, LiveVerdict>();
    for (const [i, { source }] of queries.entries()) {
      const answer = answers[i];
      if (answer !== undefined) verdicts.set(source, answer);
    }
    return {
      where: client.name,
      at,
      judged: judged.map((file) => withLive(file, verdicts, ignored)),
      verdicts,
    };
  } catch (cause) {
    if (!(cause instanceof PrometheusUnreachable)) throw cause;
    throw new ConfigError('E_BAD_FLAG', `--live ${cause.message}`, { cause });
  }
}

function withLive(
  file: Judged,
  verdicts: ReadonlyMap<SourceQuery, LiveVerdict>,
  ignored: ReadonlySet<string>,
): Judged {
  const queries = file.queries.map((query) => {
    const verdict = verdicts.get(query.source);
    const found = verdict === undefined ? [] : liveFindings(query, verdict);
    return {
      ...query,
      findings: [...query.findings, ...found.filter(({ rule }) => !ignored.has(rule))],
    };
  });
  return { ...file, queries };
}
