/** The library's call: what `vllm-twin lint` finds, of a text. What judges is loaded with the first call. */
import { ConfigError } from '../shared/errors.ts';
import { VLLM_VERSION } from '../shared/version.ts';
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
  const [{ findingsOf, judge, readText, recordedNames }, { CATALOGUE_VERSIONS }, { FEATURES }] =
    await Promise.all([
      import('./lint-text.ts'),
      import('../shared/metric-catalogue/metric-catalogue.ts'),
      import('./rules/features.ts'),
    ]);
  const { file } = options;
  const versions = listed(options.vllm ?? VLLM_VERSION);
  const features = listed(options.with ?? []);
  const isFeature = (word: string): boolean =>
    /^connector=\w+$/.test(word) || FEATURES.some(({ name }) => name === word);
  refuseUnknown('vllm', versions, CATALOGUE_VERSIONS, (word) => CATALOGUE_VERSIONS.includes(word));
  refuseUnknown(
    'with',
    features,
    FEATURES.map(({ name }) => name),
    isFeature,
  );
  const { queries, problem } = readText(file ?? null, text);
  const judged = judge(queries, {
    target: {
      versions: versions.length === 0 ? [VLLM_VERSION] : versions,
      features: new Set(features),
      recorded: new Set(recordedNames(queries)),
    },
    ignored: new Set(),
  });
  return { findings: findingsOf(file ?? '', text, judged), problem };
}

const listed = (words: string | readonly string[]): readonly string[] =>
  [words]
    .flat()
    .flatMap((word) => word.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');

function refuseUnknown(
  option: string,
  words: readonly string[],
  known: readonly string[],
  isKnown: (word: string) => boolean,
): void {
  const unknown = words.find((word) => !isKnown(word));
  if (unknown !== undefined)
    throw new ConfigError(
      'E_BAD_FLAG',
      `lint: ${option} '${unknown}' is not known; one of ${known.join(', ')}`,
    );
}
