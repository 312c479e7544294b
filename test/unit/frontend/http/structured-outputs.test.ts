/** Constrained answers over HTTP: documents that conform, streamed or not, and what is refused, in vLLM's words. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';

let server: TestServer;
let url = '';
beforeAll(async () => {
  server = await createTestServer({ engines: { engineCount: 1 } });
  url = (await server.server.listen()).address;
});
afterAll(() => server.close());

interface ChatBody {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly error?: { readonly message: string; readonly code: number; readonly param: string };
}

async function post(fields: object): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'tiny',
      messages: [{ role: 'user', content: 'Say it.' }],
      max_tokens: 400,
      ...fields,
    }),
  });
  return { status: response.status, text: await response.text() };
}

async function ask(fields: object): Promise<ChatBody> {
  return JSON.parse((await post(fields)).text) as ChatBody;
}

/** The only choice's text, which has to have ended by itself. */
async function say(fields: object): Promise<string> {
  const { choices, error } = await ask(fields);
  expect(error).toBeUndefined();
  const [choice] = choices;
  expect(choice?.finish_reason).toBe('stop');
  return choice?.message.content ?? '';
}

const withSchema = (schema: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
});

/** As pydantic makes it of nested models, an enum, a union and a recursive list. */
const PYDANTIC_SCHEMA = {
  $defs: {
    Address: {
      properties: {
        street: { title: 'Street', type: 'string' },
        zip: { pattern: '^[0-9]{5}$', title: 'Zip', type: 'string' },
      },
      required: ['street', 'zip'],
      title: 'Address',
      type: 'object',
    },
    Kind: { enum: ['person', 'company'], title: 'Kind', type: 'string' },
    Node: {
      properties: {
        value: { title: 'Value', type: 'integer' },
        children: { items: { $ref: '#/$defs/Node' }, title: 'Children', type: 'array' },
      },
      required: ['value', 'children'],
      title: 'Node',
      type: 'object',
    },
  },
  properties: {
    name: { description: 'The name.', minLength: 2, title: 'Name', type: 'string' },
    age: { exclusiveMinimum: 0, maximum: 120, title: 'Age', type: 'integer' },
    kind: { $ref: '#/$defs/Kind' },
    address: { anyOf: [{ $ref: '#/$defs/Address' }, { type: 'null' }] },
    tree: { $ref: '#/$defs/Node' },
    email: { anyOf: [{ format: 'email', type: 'string' }, { type: 'null' }], default: null },
    scores: { items: { type: 'number' }, maxItems: 4, minItems: 2, type: 'array' },
  },
  required: ['name', 'age', 'kind', 'address', 'tree', 'scores'],
  title: 'Person',
  type: 'object',
  additionalProperties: false,
};

describe('a constrained answer', () => {
  it('is an object for json_object', async () => {
    const text = await say({ response_format: { type: 'json_object' } });
    expect(JSON.parse(text)).toEqual(expect.any(Object));
  });

  it('follows a schema as pydantic makes it', async () => {
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
      PYDANTIC_SCHEMA,
    );
    for (const seed of [1, 2, 3, 4]) {
      const document: unknown = JSON.parse(await say({ ...withSchema(PYDANTIC_SCHEMA), seed }));
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  it.each([
    ['a choice', { structured_outputs: { choice: ['yes', 'no'] } }, /^(?:yes|no)$/],
    ['a regex', { structured_outputs: { regex: '\\d{3}-\\d{4}' } }, /^\d{3}-\d{4}$/],
    ['a grammar', { structured_outputs: { grammar: 'root ::= "a"+ "b"' } }, /^a+b$/],
    ['Lark', { structured_outputs: { grammar: 'start: "x" /[0-9]{2}/' } }, /^x\d{2}$/],
    [
      'a structural tag',
      {
        response_format: {
          type: 'structural_tag',
          structures: [{ begin: '<f>', schema: { type: 'integer' }, end: '</f>' }],
          triggers: ['<f'],
        },
      },
      /^<f>-?\d+<\/f>$/,
    ],
  ])('follows %s', async (_, fields, expected) => {
    expect(await say(fields)).toMatch(expected);
  });

  it('is streamed as it would be said at once', async () => {
    const fields = { ...withSchema(PYDANTIC_SCHEMA), seed: 11 };
    const whole = await say(fields);
    const { text } = await post({ ...fields, stream: true });
    const pieces = [...text.matchAll(/^data: (\{.*)$/gm)].map(
      ([, data = '']) =>
        JSON.parse(data) as {
          choices: { delta: { content?: string }; finish_reason: string | null }[];
        },
    );
    expect(pieces.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(whole);
    expect(pieces.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('is another one for each of n', async () => {
    const { choices } = await ask({ structured_outputs: { regex: '[a-z]{20}' }, n: 3 });
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(3);
  });

  it('is cut where max_tokens is reached', async () => {
    const { choices } = await ask({ ...withSchema(PYDANTIC_SCHEMA), max_tokens: 5 });
    expect(choices[0]?.finish_reason).toBe('length');
  });
});

describe('what cannot be compiled', () => {
  it.each([
    [
      { structured_outputs: { regex: '[a' } },
      /^Grammar error: at 1\(8\): invalid regex "\[a" \(in regex\): regex parse error/,
    ],
    [withSchema({ type: 'bogus' }), /^Grammar error: Invalid type: bogus$/],
    [
      withSchema({ type: 'array', items: {}, uniqueItems: true }),
      /^Grammar error: Unimplemented keys: \["uniqueItems"\]$/,
    ],
    [
      withSchema({ type: 'integer', minimum: 5, maximum: 3 }),
      /^Grammar error: Unsatisfiable schema: minimum \(5\) is greater than maximum \(3\)$/,
    ],
    [
      { structured_outputs: { grammar: 'root ::= missing' } },
      /^Invalid grammar specification: .*Rule 'missing' not found$/,
    ],
    [
      { response_format: { type: 'json_schema' } },
      /^When response_format type is 'json_schema', the 'json_schema' field must be provided\./,
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'n' } } },
      /^You must use one kind of structured outputs constraint but none are specified/,
    ],
    [
      { response_format: { type: 'json_object' }, structured_outputs: { regex: 'a' } },
      /^You can only use one kind of structured outputs constraint but multiple are specified/,
    ],
    [
      { response_format: { type: 'structural_tag', format: { type: 'bogus' } } },
      /^Invalid response_format structural_tag specification\./,
    ],
    [{ structured_outputs: { choice: [] } }, /^Choice '\[\]' cannot be an empty list$/],
  ])('is refused: %j', async (fields, words) => {
    const { status, text } = await post(fields);
    const { error } = JSON.parse(text) as ChatBody;
    expect({ status, code: error?.code }).toEqual({ status: 400, code: 400 });
    expect(error?.message).toMatch(words);
  });

  it('names the backend in what an engine gets', async () => {
    server.engines.requests.length = 0;
    // An engine has one backend, and this one has used the other.
    await post(withSchema({ type: 'string', pattern: '^a+$', maxLength: 4 }));
    await post({ structured_outputs: { choice: ['a', '"b"'] } });
    expect(
      server.engines.requests.map(({ samplingParams }) => samplingParams?.structuredOutputs),
    ).toMatchObject([
      { _backend: 'guidance', _backend_was_auto: true },
      { _backend: 'xgrammar', choice: null, grammar: 'root ::= "a" | "\\"b\\""' },
    ]);
  });
});
