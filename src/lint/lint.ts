/** The library's call: what `vllm-twin lint` finds, of a text. What judges is loaded with the first call. */
import type { Finding } from './finding.ts';

export interface LintOptions {
  /** Versions of vLLM that the queries are for, in a list or with commas; default the one that the twin follows. */
  readonly vllm?: string | readonly string[];
  /** Flags that bring metrics of their own, as `--with` takes them: `lora`, `connector=NixlConnector`; default none. */
  readonly with?: string | readonly string[];
  /** What the text is called in findings; its ending says the format. Without it the text itself does. */
  readonly file?: string;
}

export interface LintAnswer {
  /** In the order of the queries in the text. */
  readonly findings: readonly Finding[];
  /** Why not all of the text could be read, and in which line; null where all was. */
  readonly problem: { readonly message: string; readonly line: number } | null;
}

/**
 * Judges the queries of a dashboard, of rules, of an autoscaler, or PromQL by itself, against what vLLM exposes.
 *
 * Rejects with a ConfigError for a version or a feature that is not known; never for what the text holds.
 */
export async function lint(text: string, options: LintOptions = {}): Promise<LintAnswer> {
  const [
    { findingsOf, judge, readText, withRecorded },
    { CATALOGUE_VERSIONS },
    { FEATURES },
    { namedFeatures, namedVersions },
  ] = await Promise.all([
    import('./lint-text.ts'),
    import('../shared/metric-catalogue/metric-catalogue.ts'),
    import('./rules/features.ts'),
    import('./named-target.ts'),
  ]);
  const { file } = options;
  const versions = namedVersions(listOf(options.vllm), CATALOGUE_VERSIONS, 'lint: vllm');
  const features = namedFeatures(
    listOf(options.with),
    FEATURES.map(({ name }) => name),
    'lint: with',
  );
  const { queries, problem } = readText(file ?? null, text);
  const judged = judge(text, queries, {
    target: withRecorded({ versions, features }, queries),
    ignored: new Set(),
  });
  return { findings: findingsOf(file ?? '', text, judged), problem };
}

const listOf = (words: string | readonly string[] | undefined): readonly string[] | undefined =>
  words === undefined ? undefined : [words].flat();
