import createInstructor, { type InstructorClient, type Mode } from '@instructor-ai/instructor';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERSON_QUESTION, Person, startClientTwin } from '../support/client-twin.ts';
import type { Twin } from '../support/twin.ts';

describe('instructor', () => {
  let twin: Twin;
  let client: OpenAI;

  beforeAll(async () => {
    twin = startClientTwin();
    client = new OpenAI({ baseURL: `${await twin.url()}/v1`, apiKey: 'none', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const instructor = (mode: Mode): InstructorClient<OpenAI> =>
    createInstructor({ client: client as never, mode }) as never;

  it.each(['TOOLS', 'JSON_SCHEMA'] as const)('extracts a person by %s', async (mode) => {
    const person = await instructor(mode).chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: PERSON_QUESTION }],
      response_model: { schema: Person, name: 'Person' },
      max_retries: 0,
    });
    expect(Person.parse(person)).toBeDefined();
  });

  it('streams a person as it grows', async () => {
    const stream = await instructor('TOOLS').chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: PERSON_QUESTION }],
      response_model: { schema: Person, name: 'Person' },
      stream: true,
      max_retries: 0,
    });
    let last: unknown = null;
    for await (const partial of stream) last = partial;
    expect(Person.safeParse(last).success).toBe(true);
  });
});
