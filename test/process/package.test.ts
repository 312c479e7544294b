/** The package as it is: the Node it runs on and those it refuses, what it holds, and a whole life of a served twin. */
import { readFileSync, readlinkSync } from 'node:fs';
import { delimiter } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseExposition } from '../support/exposition.ts';
import { IS_INSTALLED, packageFile, readManifest } from '../support/package.ts';
import { childrenOf, RunningProcess } from '../support/process.ts';
import { CLI_MAIN, Twin } from '../support/twin.ts';

/** Set by `npm run test:packed`: what each of its runs is meant to run on, and Nodes that are too old. */
const EXPECTED_NODE = process.env['TWIN_NODE'];
const REFUSED_NODES = (process.env['TWIN_REFUSED_NODES'] ?? '').split(delimiter).filter(Boolean);
const { version, engines, bin } = readManifest();
const oldest = engines.node.replace('>=', '');

describe.skipIf(EXPECTED_NODE === undefined)(
  `the run on Node ${EXPECTED_NODE ?? '(SKIPPED: npm run test:packed says which)'}`,
  () => {
    it('is on that Node and over an installed package', () => {
      expect(`${process.version}.`).toContain(`v${EXPECTED_NODE}.`);
      expect(IS_INSTALLED).toBe(true);
      expect(packageFile('')).toContain('/node_modules/vllm-twin');
    });
  },
);

const refusedReason = REFUSED_NODES.length === 0 ? ' (SKIPPED: no older Node was fetched)' : '';
describe.skipIf(REFUSED_NODES.length === 0)(`an older Node${refusedReason}`, () => {
  it.each(REFUSED_NODES)('%s is refused in one line, with exit code 2', async (node) => {
    const { stdout: said } = await ended(new RunningProcess(node, ['--version']));
    for (const words of [['--version'], ['serve', '--port', '0']]) {
      const { code, log } = await ended(new RunningProcess(node, [CLI_MAIN, ...words]));
      const message = `vllm-twin needs Node ${oldest} or newer; this is ${said.trim().slice(1)}\n`;
      expect({ code, log }).toEqual({ code: 2, log: message });
    }
  });
});

describe('the package', () => {
  it('names its command, and that answers with its version', async () => {
    const command = packageFile(bin['vllm-twin'] ?? '');
    expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { code, log } = await ended(new RunningProcess(command, ['--version']));
    expect({ code, log }).toEqual({ code: 0, log: `vllm-twin ${version} (vLLM 0.33.0)\n` });
  });

  it('holds every page that the help names', async () => {
    const { log } = await ended(new Twin(['serve', '--help=all']));
    // A name may be broken at the end of a line.
    const pages = log.replace(/\n +/g, ' ').match(/docs\/[a-z/-]+\.md/g) ?? [];
    expect(pages).toContain('docs/reference/gpus.md');
    for (const page of pages) expect(readFileSync(packageFile(page), 'utf8')).toMatch(/^# /);
  });

  it('holds the page, with its script and its style inside', () => {
    const html = readFileSync(packageFile('dist/page/index.html'), 'utf8');
    expect(html).toMatch(/<script type="module">\S/);
    expect(html).not.toMatch(/<script[^>]* src=|<link[^>]* href="(?!data:)/);
  });
});

describe('a twin of two engines', () => {
  let twin: Twin;
  let url: string;

  beforeAll(async () => {
    twin = new Twin(['serve', '--port', '0', '--data-parallel-size', '2']);
    url = await twin.url();
  });
  afterAll(() => twin?.stop());

  it('runs all its processes on the Node that started it', () => {
    const children = childrenOf(twin.pid);
    expect(children.length).toBeGreaterThanOrEqual(3);
    for (const pid of [twin.pid, ...children])
      expect(readlinkSync(`/proc/${pid}/exe`)).toBe(process.execPath);
  });

  it('answers, streams, and counts both in its metrics', async () => {
    const ask = async (body: object): Promise<string> => {
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 3, ...body }),
      });
      expect(response.status).toBe(200);
      return response.text();
    };
    expect(JSON.parse(await ask({}))).toMatchObject({ usage: { completion_tokens: 3 } });
    expect(await ask({ stream: true })).toMatch(/data: \[DONE\]\n\n$/);
    const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
    const samples = [...families.values()].flatMap((family) => family.samples);
    const total = samples
      .filter(({ name }) => name === 'vllm:generation_tokens_total')
      .reduce((sum, { value }) => sum + value, 0);
    expect(total).toBe(6);
  });

  it('ends with exit code 0 when it is told to', async () => {
    expect(await twin.stop()).toEqual({ code: 0, signal: null });
  });
});

async function ended(
  child: RunningProcess,
): Promise<{ code: number | null; log: string; stdout: string }> {
  const { code } = await child.waitForExit();
  return { code, log: child.log, stdout: child.stdout };
}
