import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLint } from '../../../../src/cli/lint/run-lint.ts';
import type { LintCommandSettings } from '../../../../src/cli/lint/settings.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function lint(settings: Partial<LintCommandSettings>, width = 80) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (text: string) => out.push(text),
    stderr: (text: string) => err.push(text),
    drained: async () => undefined,
    colours: false,
  };
  const asked: LintCommandSettings = {
    paths: [],
    queries: [],
    versions: ['0.33.0'],
    features: new Set(),
    ignored: new Set(),
    output: 'text',
    sarif: null,
    fix: false,
    listsRules: false,
    live: null,
    at: null,
    ...settings,
  };
  const code = await runLint(asked, width, io);
  return { code, out: out.join(''), err: err.join('') };
}

const GONE = 'vllm:gpu_cache_usage_perc';
const HERE = 'vllm:kv_cache_usage_perc';
const rules = (expr: string) => `groups:\n- rules:\n  - alert: Full\n    expr: ${expr}\n`;

describe('what lint says', () => {
  it('is the place, the query with a mark under it, the reason and the remedy', async () => {
    const path = file('rules.yaml', rules(`max by (engine) (${GONE}) > 0.9`));
    const { code, out } = await lint({ paths: [path] });
    expect(code).toBe(1);
    const lines = out.split('\n');
    expect(lines[0]).toBe(`${path}:4  Full`);
    expect(lines[1]).toMatch(/^ {2}error metric-removed$/);
    expect(lines[2]).toBe(`    max by (engine) (${GONE}) > 0.9`);
    expect(lines[3]).toBe(`    ${' '.repeat(17)}${'^'.repeat(GONE.length)}`);
    expect(out).toContain(HERE);
    expect(lines.at(-2)).toBe('1 error, 0 warnings: 1 query in 1 file, for vLLM 0.33.0');
  });

  it('is cut around the place where the query is long, and never moves the cursor', async () => {
    const query = `${'sum(up) + '.repeat(40)}\u001b[2J${GONE} + ${'sum(up) + '.repeat(40)}sum(up)`;
    const path = file('q.json', JSON.stringify({ title: 'A\nB', targets: [{ expr: query }] }));
    const { out } = await lint({ paths: [path] }, 60);
    expect(out).not.toContain('\u001b');
    expect(out.split('\n')[0]).toMatch(/ {2}A B$/);
    for (const line of out.split('\n').slice(2, 4)) expect(line.length).toBeLessThanOrEqual(60);
  });

  it('is JSON with exactly the fields that others read', async () => {
    const path = file('rules.yaml', rules(GONE));
    const { code, out } = await lint({ paths: [path], output: 'json' });
    expect(code).toBe(1);
    const { findings } = JSON.parse(out) as { findings: readonly Record<string, unknown>[] };
    expect(findings).toHaveLength(1);
    expect(Object.keys(findings[0] ?? {})).toEqual([
      'file',
      'line',
      'title',
      'query',
      'rule',
      'severity',
      'message',
      'remedy',
    ]);
    expect(findings[0]).toMatchObject({ file: path, line: 4, title: 'Full', query: GONE });
  });

  it('is SARIF with the place in the file and the rule', async () => {
    const path = file('rules.yaml', rules(GONE));
    const { out } = await lint({ paths: [path], sarif: '-' });
    const log = JSON.parse(out);
    const [run] = log.runs;
    const [result] = run.results;
    expect(log.version).toBe('2.1.0');
    expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    expect(result).toMatchObject({ ruleId: 'metric-removed', level: 'error' });
    const { region } = result.locations[0].physicalLocation;
    expect(region).toEqual({
      startLine: 4,
      startColumn: 11,
      endLine: 4,
      endColumn: 11 + GONE.length,
    });
    expect(result.message.text).toMatch(
      / has no vllm:gpu_cache_usage_perc: .*; write vllm:kv_cache_usage_perc$/,
    );
    const alone = JSON.parse((await lint({ queries: [GONE], sarif: '-' })).out);
    expect(alone.runs[0].results).toMatchObject([{ ruleId: 'metric-removed', locations: [] }]);
    const sarif = join(folder, 'lint.sarif');
    const beside = await lint({ paths: [path], sarif });
    expect(beside.out).toContain('1 error');
    expect(JSON.parse(readFileSync(sarif, 'utf8')).runs[0].results).toHaveLength(1);
  });

  it('lists the rules', async () => {
    const { code, out } = await lint({ listsRules: true });
    expect(code).toBe(0);
    expect(out).toContain('metric-removed');
    expect(out).toContain('live-empty');
  });

  it('leaves out what is ignored', async () => {
    const ignored = new Set(['metric-removed']);
    expect(await lint({ queries: [GONE], ignored })).toMatchObject({ code: 0 });
  });
});

describe('files', () => {
  it('of a folder are looked into by their names, and passed over in silence where they ask nothing', async () => {
    file('a/b/rules.yml', rules(GONE));
    file('a/c.promql', GONE);
    file('node_modules/x/rules.yml', rules(GONE));
    file('.git/rules.yml', rules(GONE));
    file('package.json', '{"name": "x"}');
    file('tsconfig.json', '{ // with comments\n}');
    file('notes.txt', GONE);
    symlinkSync(folder, join(folder, 'a/loop'));
    const { code, out, err } = await lint({ paths: [folder] });
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toContain('2 errors, 0 warnings: 2 queries in 2 files');
  });

  it('of a folder are read where they name a metric, though no word of queries stands there', async () => {
    const path = file('notes.md', `Full at \`${GONE} > 0.9\`.\n`);
    expect((await lint({ paths: [folder] })).out.split('\n')[0]).toBe(`${path}:1`);
  });

  it('of a folder can hold a dashboard in base64', async () => {
    const json = JSON.stringify({ targets: [{ expr: GONE }] });
    const packed = Buffer.from(json).toString('base64');
    const text = `kind: GrafanaDashboard\nspec:\n  gzipJson: ${packed}\n`;
    const path = file('a.yaml', text);
    const { code, out } = await lint({ paths: [folder], fix: true });
    expect([code, out.split('\n')[0]]).toEqual([1, `${path}:3`]);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('that are named and ask nothing are told', async () => {
    const { code, err } = await lint({ paths: [file('package.json', '{"name": "x"}')] });
    expect(code).toBe(0);
    expect(err).toContain('package.json: holds no query');
  });

  it('are told to be none where a folder has no query', async () => {
    file('a/package.json', '{"name": "x"}');
    const { code, err } = await lint({ paths: [join(folder, 'a')] });
    expect(code).toBe(0);
    expect(err).toMatch(/\/a: no file there holds a query \(\.json, /);
  });

  it('that cannot be read are not called right', async () => {
    const { code, out } = await lint({ paths: [file('broken.json', '{"panels": [')] });
    expect(code).toBe(2);
    expect(out).toMatch(/^nothing wrong in what was read: 0 queries in 1 file, .*; 1 file not/);
  });

  it('that cannot be read do not stop the others', async () => {
    const paths = [
      join(folder, 'none.yaml'),
      file('broken.json', '{"panels": ['),
      file('latin.yaml', Buffer.from('expr: \xe9', 'latin1')),
      file('binary.yaml', Buffer.from([0, 1, 2])),
      file('empty.json', ''),
      file('rules.yaml', rules(GONE)),
    ];
    const { code, out, err } = await lint({ paths, output: 'json' });
    expect(code).toBe(2);
    const { findings, unreadable } = JSON.parse(out);
    expect(findings).toHaveLength(1);
    expect(unreadable.map((each: { file: string }) => each.file)).toEqual(paths.slice(0, 5));
    for (const path of paths.slice(0, 5)) expect(err).toContain(path);
  });

  it('know the names that recording rules beside them make', async () => {
    file('rules.yaml', 'groups: [{rules: [{record: "vllm:mine", expr: up}]}]');
    file('d.json', JSON.stringify({ title: 'T', targets: [{ expr: 'vllm:mine' }] }));
    expect(await lint({ paths: [folder] })).toMatchObject({ code: 0 });
  });
});

describe('names that recording rules make', () => {
  const recording = (expr: string) =>
    `groups:\n- rules:\n  - record: vllm:cache_usage\n    expr: ${expr}\n  - record: vllm:cache_usage:max\n    expr: max(vllm:cache_usage)\n`;
  const rulesOf = (out: string) =>
    (JSON.parse(out) as { findings: { file: string; rule: string }[] }).findings.map(
      ({ file: name, rule }) => `${name.slice(folder.length + 1)} ${rule}`,
    );

  it('are as empty as their rules, however many stand between', async () => {
    file('a.yaml', rules('vllm:cache_usage:max > 0.9'));
    file('b.yaml', recording(`avg(${GONE})`));
    const { code, out } = await lint({ paths: [folder], output: 'json' });
    expect(code).toBe(1);
    expect(rulesOf(out)).toEqual([
      'a.yaml recorded-from-nothing',
      'b.yaml metric-removed',
      'b.yaml recorded-from-nothing',
    ]);
  });

  it('have something again when their rule is mended', async () => {
    file('a.yaml', rules('vllm:cache_usage:max > 0.9'));
    file('b.yaml', recording(`avg(${GONE})`));
    const { code, out } = await lint({ paths: [folder], output: 'json', fix: true });
    expect([code, rulesOf(out)]).toEqual([0, []]);
  });

  it('have something where one of several rules records something', async () => {
    file('a.yaml', rules('vllm:cache_usage:max > 0.9'));
    file('b.yaml', recording(`avg(${GONE})`));
    file('c.yaml', recording(`avg(${HERE})`));
    const { out } = await lint({ paths: [folder], output: 'json' });
    expect(rulesOf(out)).toEqual(['b.yaml metric-removed']);
  });

  it('take nothing from names that vLLM has itself', async () => {
    file('a.yaml', rules(`${HERE} > 0.9`));
    file('b.yaml', `groups:\n- rules:\n  - record: ${HERE}\n    expr: vllm_kv_cache_usage_perc\n`);
    const { out } = await lint({ paths: [folder], output: 'json' });
    expect(rulesOf(out)).toEqual(['b.yaml underscore-for-colon']);
  });
});

describe('--fix', () => {
  it('rewrites what is certain, and keeps the rest byte for byte', async () => {
    const before = `\uFEFF# mine\r\n${rules(`"max(${GONE})"   # said`).replaceAll('\n', '\r\n')}`;
    const path = file('rules.yaml', before);
    chmodSync(path, 0o640);
    const link = join(folder, 'link.yaml');
    symlinkSync(path, link);
    const { code, out } = await lint({ paths: [link], fix: true });
    expect(out).toContain(`'${GONE}' is now '${HERE}' (metric-removed)`);
    expect(code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(before.replace(GONE, HERE));
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['link.yaml', 'rules.yaml']);
  });

  it('leaves a template of the adapter as it is, whose name is mended where it is written', async () => {
    const rule = (name: string) =>
      `rules:\n- seriesQuery: '${name}{pod!=""}'\n  metricsQuery: avg(<<.Series>>{<<.LabelMatchers>>})\n`;
    const path = file('adapter.yaml', rule(GONE));
    const sarif = join(folder, 'lint.sarif');
    await lint({ paths: [path], sarif });
    expect(readFileSync(sarif, 'utf8').match(/"fixes"/g)).toHaveLength(1);
    const { code } = await lint({ paths: [path], fix: true });
    expect(code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(rule(HERE));
  });

  it('leaves a file alone that is read-only, and goes on with the others', async () => {
    const kept = file('a.yaml', rules(GONE));
    const other = file('b.yaml', rules(GONE));
    chmodSync(kept, 0o444);
    const { code, err, out } = await lint({ paths: [folder], fix: true });
    expect(code).toBe(2);
    expect(err).toBe(`vllm-twin lint: ${kept}: cannot be written (it is read-only)\n`);
    expect(out).toContain(`${kept}:4  Full`);
    expect([readFileSync(kept, 'utf8'), readFileSync(other, 'utf8')]).toEqual([
      rules(GONE),
      rules(HERE),
    ]);
    expect(readdirSync(folder)).toEqual(['a.yaml', 'b.yaml']);
  });

  it('prints a query that is mended', async () => {
    const { out } = await lint({ queries: [`max(${GONE})`], fix: true });
    expect(out.split('\n')).toContain(`max(${HERE})`);
  });

  it('does not write a file in which nothing is certain', async () => {
    const path = file('rules.yaml', rules('vllm:never_was'));
    chmodSync(path, 0o444);
    const { mtimeMs } = statSync(path);
    expect((await lint({ paths: [path], fix: true })).code).toBe(1);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
  });
});
