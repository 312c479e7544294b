import { ChatOpenAI } from '@langchain/openai';
import { createAgent, HumanMessage, tool } from 'langchain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  PERSON_QUESTION,
  Person,
  startClientTwin,
  WEATHER_ANSWER,
  WEATHER_QUESTION,
  Weather,
} from '../support/client-twin.ts';
import type { Twin } from '../support/twin.ts';

describe('LangChain', () => {
  let twin: Twin;
  let url: string;
  const chat = (fields: object = {}) =>
    new ChatOpenAI({
      ...{ model: 'tiny', apiKey: 'none', maxRetries: 0, maxTokens: 400 },
      configuration: { baseURL: url },
      ...fields,
    });

  beforeAll(async () => {
    twin = startClientTwin();
    url = `${await twin.url()}/v1`;
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('invokes', async () => {
    const answer = await chat({ maxTokens: 8 }).invoke('hello');
    expect(answer.text.length).toBeGreaterThan(0);
    expect(answer.usage_metadata).toMatchObject({ output_tokens: 8 });
  });

  it('streams', async () => {
    let text = '';
    for await (const chunk of await chat({ maxTokens: 8 }).stream('hello')) text += chunk.text;
    expect(text.length).toBeGreaterThan(0);
  });

  it('invokes over the responses API', async () => {
    const answer = await chat({ maxTokens: 8, useResponsesApi: true }).invoke('hello');
    expect(answer.text.length).toBeGreaterThan(0);
  });

  it.each(['jsonSchema', 'functionCalling'] as const)(
    'has structured output by %s',
    async (method) => {
      const model = chat().withStructuredOutput(Person, { method, name: 'person' });
      expect(Person.parse(await model.invoke(PERSON_QUESTION))).toBeDefined();
    },
  );

  it('has an agent that calls a tool and answers', async () => {
    const cities: string[] = [];
    const getWeather = tool(
      (input: unknown) => {
        cities.push(Weather.parse(input).city);
        return WEATHER_ANSWER;
      },
      // zod's own types do not fit those of LangChain under exactOptionalPropertyTypes.
      { name: 'get_weather', description: 'The weather of a city.', schema: Weather as never },
    );
    const agent = createAgent({ model: chat(), tools: [getWeather] });
    const { messages } = await agent.invoke(
      { messages: [new HumanMessage(WEATHER_QUESTION)] },
      { recursionLimit: 8 },
    );
    expect(cities).toHaveLength(1);
    expect(messages.map((message) => message.type)).toEqual(['human', 'ai', 'tool', 'ai']);
    expect(messages.at(-1)?.text.length).toBeGreaterThan(0);
  });
});
