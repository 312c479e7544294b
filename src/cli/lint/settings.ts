/** What `lint` is asked for, read from its flags. */
import { listed, meant, namedFeatures, namedVersions } from '../../lint/named-target.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { OwnFlags } from '../flags/own-flags.ts';

export interface LintCommandSettings {
  /** Files and folders; `-` is standard input. */
  readonly paths: readonly string[];
  readonly queries: readonly string[];
  readonly versions: readonly string[];
  readonly features: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
  readonly output: 'text' | 'json';
  /** A file, or `-` for standard output instead of the text. */
  readonly sarif: string | null;
  readonly fix: boolean;
  readonly listsRules: boolean;
  readonly live: string | null;
  /** Seconds since 1970 at which `live` is asked; null: now, or the end of a simulation. */
  readonly at: number | null;
}

/** What can be named. */
export interface LintNames {
  readonly versions: readonly string[];
  /** `connector=NAME` stands for any. */
  readonly features: readonly string[];
  readonly rules: readonly string[];
}

/** Throws E_BAD_FLAG for a value that none of them takes. */
export function readLintSettings(
  { positionals, flags }: OwnFlags,
  names: LintNames,
): LintCommandSettings {
  const isOn = (name: string): boolean => flags.get(name)?.at(-1) === 'true';
  const one = (name: string): string | null => flags.get(name)?.at(-1) ?? null;
  const queries = flags.get('query') ?? [];
  const listsRules = isOn('rules');
  if (positionals.length + queries.length === 0 && !listsRules)
    throw bad(
      'expects FILE… (dashboards, rules, autoscalers, a folder, -) or --query; see lint --help',
    );
  if (isOn('fix') && positionals.includes('-'))
    throw bad('--fix rewrites files, and - is none; name the file');
  const sarif = one('sarif');
  if (sarif === '') throw bad("--sarif '': must name a file, or - for standard output");
  if (sarif === '-' && isOn('json'))
    throw bad('--json and --sarif - both want standard output; give --sarif a file');
  const live = one('live');
  if (live === '') throw bad("--live '': must be the URL of a Prometheus, or a file of simulate");
  const at = one('at');
  if (at !== null && live === null) throw bad('--at is when --live is asked; it needs --live');
  return {
    paths: positionals,
    queries,
    versions: namedVersions(flags.get('vllm'), names.versions, '--vllm'),
    features: namedFeatures(flags.get('with'), names.features, '--with'),
    ignored: new Set(listed(flags.get('ignore')).map((word) => ruleOf(word, names.rules))),
    output: isOn('json') ? 'json' : 'text',
    sarif,
    fix: isOn('fix'),
    listsRules,
    live,
    at: at === null ? null : timeOf(at),
  };
}

function ruleOf(word: string, known: readonly string[]): string {
  if (known.includes(word)) return word;
  throw bad(`--ignore '${word}': no rule${meant(word, known)}; one of ${known.join(', ')}`);
}

function timeOf(word: string): number {
  if (/^\d{1,12}(\.\d+)?$/.test(word)) return Number(word);
  const ms = /^\d{4}-\d\d-\d\d/.test(word) ? Date.parse(word) : Number.NaN;
  if (!Number.isNaN(ms)) return ms / 1000;
  throw bad(`--at '${word}': must be seconds since 1970, or a time such as 2026-01-31T12:00:00Z`);
}

function bad(text: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', text.startsWith('--') ? text : `lint: ${text}`);
}
