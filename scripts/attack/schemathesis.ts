/**
 * Schemathesis against the twin's own /openapi.json: bodies and parameters made from the schemas, right and wrong ones. No
 * answer may be a 5xx, none may take longer than MAX_RESPONSE_S, and the server is healthy in the end and ends as told.
 * The program comes from PyPI into a cache outside the clone; where it cannot be had, the part says so and sends nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningProcess } from '../../test/support/process.ts';
import { TINYMODEL, Twin } from '../../test/support/twin.ts';
import type { AttackOptions, AttackResult } from './attack.ts';

const VERSION = '4.32.5';
const MAX_RESPONSE_S = 10;
/** What it takes beyond its own budget: to start, to finish a request, to write its report. */
const GRACE_MS = 60_000;
/** What schemathesis cannot make from a schema is no fault of an answer. */
const NOT_GENERATED = 'Schema Error';

interface Report {
  readonly operations: { readonly tested: number };
  readonly test_cases: { readonly generated: number; readonly with_failures: number };
  readonly failures: readonly { readonly [key: string]: unknown }[];
  readonly errors: readonly { readonly title: string; readonly count: number }[];
}

export async function run({ seed, seconds }: AttackOptions): Promise<AttackResult> {
  const name = 'schemathesis';
  const program = install();
  if (program === null)
    return { name, figures: { SKIPPED: `schemathesis ${VERSION} cannot be had` }, failures: [] };
  const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-schemathesis-'));
  const size = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
  const twin = new Twin(['serve', TINYMODEL, '--port', '0', '--step-time', 'zero', ...size]);
  const failures: string[] = [];
  try {
    const url = await twin.url();
    const report = await attack({ program, url, seed, seconds, folder });
    failures.push(...failuresOf(report));
    const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    if (health.status !== 200) failures.push(`/health answered ${health.status} afterwards`);
    return { name, figures: figuresOf(report), failures };
  } finally {
    const exit = await twin.stop();
    if (exit.code !== 0) failures.push(`the server ended with ${JSON.stringify(exit)}`);
    rmSync(folder, { recursive: true });
  }
}

/** The path of `st`, null where Python or the package cannot be had. */
function install(): string | null {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'vllm-twin', `schemathesis-${VERSION}`);
  const program = join(folder, 'bin', 'st');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const quiet = { stdio: ['ignore', 'ignore', 2] as ['ignore', 'ignore', number] };
  const made = spawnSync('python3', ['-m', 'venv', folder], quiet).status === 0;
  const pip = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`];
  const isThere = made && spawnSync(join(folder, 'bin', 'pip'), pip, quiet).status === 0;
  if (!isThere) rmSync(folder, { recursive: true });
  return isThere ? program : null;
}

async function attack(options: {
  readonly program: string;
  readonly url: string;
  readonly seed: number;
  readonly seconds: number;
  readonly folder: string;
}): Promise<Report> {
  const { program, url, seed, seconds, folder } = options;
  const file = join(folder, 'report.json');
  const started = new RunningProcess(
    program,
    [
      ...['run', `${url}/openapi.json`, '--seed', `${seed}`, '--max-time', `${seconds}`],
      ...['--checks', 'not_a_server_error', '--phases', 'coverage,fuzzing', '--no-shrink'],
      ...['--continue-on-failure', '--suppress-health-check', 'all'],
      ...['--workers', '2', '--request-timeout', `${MAX_RESPONSE_S}`],
      ...['--max-response-time', `${MAX_RESPONSE_S}`],
      ...['--report', 'json', '--report-json-path', file],
    ],
    { cwd: folder },
  );
  try {
    await started.waitForExit(seconds * 1000 + GRACE_MS);
  } finally {
    await started.stop();
  }
  if (!existsSync(file)) throw new Error(`schemathesis wrote no report:\n${started.log}`);
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

function failuresOf({ failures, errors, test_cases, operations }: Report): string[] {
  return [
    ...failures.map((failure) => JSON.stringify(failure).slice(0, 500)),
    ...errors
      .filter(({ title }) => title !== NOT_GENERATED)
      .map(({ title, count }) => `${count} × ${title}`),
    ...(test_cases.generated === 0 || operations.tested === 0 ? ['nothing was sent'] : []),
  ];
}

function figuresOf({ operations, test_cases, errors }: Report): AttackResult['figures'] {
  const notGenerated = errors.find(({ title }) => title === NOT_GENERATED)?.count ?? 0;
  return {
    operations: operations.tested,
    'schemas it cannot generate from': notGenerated,
    requests: test_cases.generated,
    'server errors or slow answers': test_cases.with_failures,
  };
}
