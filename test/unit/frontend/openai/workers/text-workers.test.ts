import { afterEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../../../../src/frontend/llm/errors.ts';
import type { RenderJob } from '../../../../../src/frontend/openai/workers/jobs.ts';
import type { TextWorkers } from '../../../../../src/frontend/openai/workers/text-workers.ts';
import { loadTokenizer } from '../../../../../src/shared/tokenizer/load-tokenizer.ts';
import { createTextWorkers } from '../../../../support/text-workers.ts';

const open: TextWorkers[] = [];

function start(options: { renderTimeoutSeconds?: number } = {}): TextWorkers {
  const workers = createTextWorkers(options);
  open.push(workers);
  return workers;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((workers) => workers.close()));
});

const jobOf = (source: string): RenderJob => ({
  source,
  conversation: [{ role: 'user', content: 'Q' }],
  options: {
    addGenerationPrompt: true,
    continueFinalMessage: false,
    tools: null,
    documents: null,
    variables: {},
  },
});
const render = (workers: TextWorkers, source: string, isFromRequest = true) =>
  workers.renderTemplate(jobOf(source), { isFromRequest, size: 1 }, null);

async function infoOf(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return error.info;
    throw error;
  }
  throw new Error('it was answered');
}

const ENDLESS = '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}';
const EATS_MEMORY =
  '{% set ns = namespace(a=["x"]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}';

describe('text workers', () => {
  it('tokenize and detokenize as it is done at once', async () => {
    const workers = start();
    const tokenizer = await loadTokenizer({ folder: null });
    const texts = ['hello world '.repeat(2000), ' '.repeat(5000), '', '😀'];
    const expected = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
    expect(await workers.encode(texts, { addSpecialTokens: false }, null)).toEqual(expected);
    expect(await workers.decode(expected, { skipSpecialTokens: false }, null)).toEqual(texts);
  });

  it('write the whole answer of /tokenize', async () => {
    const job = { text: 'hi there', addSpecialTokens: false, maxModelLen: 7, withStrings: true };
    const bytes = await start().answerTokenize(job, null);
    const tokenizer = await loadTokenizer({ folder: null });
    const tokens = tokenizer.encode(job.text, job);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
      count: tokens.length,
      max_model_len: 7,
      tokens,
      token_strs: tokenizer.convertIdsToTokens(tokens),
    });
  });

  it('give ids that are in no vocabulary no text', async () => {
    const lists = [[0xffff_ffff, 74], []];
    const decoded = start().decode(lists, { skipSpecialTokens: false }, null);
    expect(await decoded).toEqual(['h', '']);
  });

  it('render templates, a stranger’s in a process of its own', async () => {
    const workers = start();
    expect(await render(workers, '{{ messages[0].content }}!', true)).toBe('Q!');
    expect(await render(workers, '{{ messages[0].content }}?', false)).toBe('Q?');
    const listing = '{% for m in messages %}{% for p in m.content %}{% endfor %}{% endfor %}';
    expect(await workers.inspectTemplate(listing, null)).toEqual({
      contentFormat: 'openai',
      supportsDeveloperRole: false,
    });
  });

  it.each([
    ['{{ raise_exception("no such effort") }}', 'no such effort'],
    ['{% for i in range(100001) %}{% endfor %}', 'Range too big.'],
    ['{% if %}', 'Unexpected token'],
    [`{{ ${'('.repeat(50_000)} }}`, 'Maximum call stack size exceeded'],
  ])('answer what a template raises with 400: %#', async (source, words) => {
    expect(await infoOf(render(start(), source))).toMatchObject({
      message: expect.stringContaining(words),
      type: 'BadRequestError',
      code: 400,
    });
  });

  it('end a template that never ends at the time limit, and go on', async () => {
    const workers = start({ renderTimeoutSeconds: 5 });
    expect(await infoOf(render(workers, ENDLESS))).toMatchObject({
      message: expect.stringContaining('Chat template rendering timed out after 5.0s.'),
      code: 500,
    });
    expect(await render(workers, '{{ messages[0].content }}')).toBe('Q');
  });

  it('end a template that eats memory alone, and go on', async () => {
    const workers = start();
    expect(await infoOf(render(workers, EATS_MEMORY))).toMatchObject({
      message: expect.stringContaining('for want of memory'),
      code: 400,
    });
    expect(await render(workers, '{{ messages[0].content }}')).toBe('Q');
  });

  it('end a template whose shape alone takes for ever to look at', async () => {
    const workers = start({ renderTimeoutSeconds: 5 });
    const source = `{% for a in ${' '.repeat(1_000_000)}%}`;
    expect((await infoOf(workers.inspectTemplate(source, null))).code).toBe(500);
    expect(await render(workers, 'x')).toBe('x');
  });

  it('end the work of a client that left, and go on', async () => {
    const workers = start();
    const endless = workers.renderTemplate(
      jobOf(ENDLESS),
      { isFromRequest: true, size: 1 },
      { onDisconnect: (leave) => setImmediate(leave) },
    );
    const long = workers.encode(
      ['漢字'.repeat(2_000_000)],
      { addSpecialTokens: false },
      { onDisconnect: (leave) => setImmediate(leave) },
    );
    expect((await infoOf(endless)).code).toBe(400);
    expect((await infoOf(long)).code).toBe(500);
    expect(await render(workers, 'x')).toBe('x');
    expect(await workers.encode(['h'], { addSpecialTokens: false }, null)).toEqual([[74]]);
  });

  it('answer everyone when they are closed', async () => {
    const workers = start();
    const answers = [
      render(workers, ENDLESS),
      render(workers, 'x'),
      workers.encode(['a'.repeat(3_000_000)], { addSpecialTokens: false }, null),
    ].map(infoOf);
    await workers.close();
    for (const info of await Promise.all(answers)) expect(info.code).toBeGreaterThanOrEqual(400);
    expect((await infoOf(render(workers, 'x'))).code).toBe(503);
  });
});
