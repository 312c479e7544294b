/** Constrained chats for any server whose model is called tiny, and what has to come of each. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1 },
    age: { type: 'integer', minimum: 0, maximum: 130 },
    tags: { type: 'array', items: { enum: ['a', 'b'] }, minItems: 1 },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
};

/** Name, what a request has more than a message, and whether the answer conforms. */
export const CONSTRAINED_REQUESTS: readonly (readonly [
  string,
  object,
  (answer: string) => boolean,
])[] = [
  ['json_object', { response_format: { type: 'json_object' } }, isObject],
  [
    'json_schema',
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA } } },
    (answer) => new Ajv2020().validate(SCHEMA, JSON.parse(answer)),
  ],
  [
    'regex',
    { structured_outputs: { regex: '[0-9]{3}-[a-z]+' } },
    (answer) => /^\d{3}-[a-z]+$/.test(answer),
  ],
  [
    'choice',
    { structured_outputs: { choice: ['Positive', 'Negative'] } },
    (answer) => ['Positive', 'Negative'].includes(answer),
  ],
  [
    'grammar',
    { structured_outputs: { grammar: 'root ::= "SELECT " [a-z]+ (", " [a-z]+)*' } },
    (answer) => /^SELECT [a-z]+(?:, [a-z]+)*$/.test(answer),
  ],
];

function isObject(answer: string): boolean {
  const value: unknown = JSON.parse(answer);
  return typeof value === 'object' && value !== null;
}

interface Choice {
  readonly finish_reason: string | null;
  readonly message?: { readonly content: string };
  readonly delta?: { readonly content?: string | null };
}

/** Asks whole and streamed: both say the same document, which conforms and has ended by itself. */
export async function expectConstrained(
  url: string,
  fields: object,
  isConform: (answer: string) => boolean,
): Promise<void> {
  const body = {
    model: 'tiny',
    messages: [{ role: 'user', content: 'Answer.' }],
    max_tokens: 300,
    seed: 5,
    ...fields,
  };
  const ask = async (more: object): Promise<string> => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return text;
  };
  const whole = JSON.parse(await ask({})) as { readonly choices: readonly Choice[] };
  const [choice] = whole.choices;
  const answer = choice?.message?.content ?? '';
  expect(choice?.finish_reason).toBe('stop');
  expect(isConform(answer), answer).toBe(true);
  const streamed = [...(await ask({ stream: true })).matchAll(/^data: (\{.*)$/gm)].flatMap(
    ([, data = '']) => (JSON.parse(data) as { readonly choices: readonly Choice[] }).choices,
  );
  expect(streamed.map(({ delta }) => delta?.content ?? '').join('')).toBe(answer);
  expect(streamed.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(['stop']);
}
