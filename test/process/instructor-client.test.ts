import createInstructor, { type InstructorClient } from '@instructor-ai/instructor';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
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

  // Its other modes ask in words for JSON of a schema that they do not send.
  const instructor = (): InstructorClient<OpenAI> =>
    createInstructor({ client: client as never, mode: 'TOOLS' }) as never;

  it.each([
    ['a person', Person],
    ['people', z.object({ people: z.array(Person).min(2).max(2) })],
  ] as const)('extracts %s', async (_, schema) => {
    const extracted = await instructor().chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: PERSON_QUESTION }],
      response_model: { schema, name: 'Extracted' },
      max_retries: 0,
    });
    expect(schema.parse(extracted)).toBeDefined();
  });

  it('streams a person as it grows', async () => {
    const stream = await instructor().chat.completions.create({
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
