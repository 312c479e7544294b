import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from 'ai';
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

describe('the Vercel AI SDK', () => {
  let twin: Twin;
  let provider: ReturnType<typeof createOpenAICompatible>;
  const ask = { prompt: 'hello', maxOutputTokens: 8, maxRetries: 0 };

  beforeAll(async () => {
    twin = startClientTwin();
    provider = createOpenAICompatible({
      name: 'twin',
      baseURL: `${await twin.url()}/v1`,
      supportsStructuredOutputs: true,
      includeUsage: true,
    });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const weatherTool = (cities: string[]) =>
    tool({
      description: 'The weather of a city.',
      inputSchema: Weather,
      execute: async ({ city }) => {
        cities.push(city);
        return WEATHER_ANSWER;
      },
    });

  it('generates a text', async () => {
    const { text, usage, finishReason } = await generateText({ ...ask, model: provider('tiny') });
    expect(text.length).toBeGreaterThan(0);
    expect([usage.outputTokens, finishReason]).toEqual([8, 'length']);
  });

  it('streams a text whose pieces are the whole', async () => {
    const result = streamText({ ...ask, model: provider('tiny') });
    let text = '';
    for await (const part of result.textStream) text += part;
    expect(text).toBe(await result.text);
    expect((await result.usage).outputTokens).toBe(8);
  });

  it('completes a prompt', async () => {
    const model = provider.completionModel('tiny');
    expect((await generateText({ ...ask, model })).text.length).toBeGreaterThan(0);
  });

  it('generates an object, whole and streamed', async () => {
    const body = { model: provider('tiny'), prompt: PERSON_QUESTION, maxRetries: 0 };
    const { object, finishReason } = await generateObject({ ...body, schema: Person });
    expect(Person.parse(object)).toBeDefined();
    expect(finishReason).toBe('stop');
    const streamed = streamObject({ ...body, schema: Person });
    let numParts = 0;
    for await (const _ of streamed.partialObjectStream) numParts += 1;
    expect(numParts).toBeGreaterThan(1);
    expect(Person.parse(await streamed.object)).toBeDefined();
  });

  it('is called a tool that it has to call', async () => {
    const { toolCalls } = await generateText({
      model: provider('tiny'),
      prompt: WEATHER_QUESTION,
      maxRetries: 0,
      tools: { get_weather: tool({ inputSchema: Weather }) },
      toolChoice: { type: 'tool', toolName: 'get_weather' },
    });
    expect(toolCalls.map(({ toolName }) => toolName)).toEqual(['get_weather']);
    expect(Weather.parse(toolCalls[0]?.input)).toBeDefined();
  });

  it('runs a tool and goes on to an answer, whole and streamed', async () => {
    const cities: string[] = [];
    const body = {
      model: provider('tiny'),
      prompt: WEATHER_QUESTION,
      maxRetries: 0,
      maxOutputTokens: 400,
      tools: { get_weather: weatherTool(cities) },
      stopWhen: stepCountIs(3),
    };
    const { steps, text } = await generateText(body);
    expect([steps.length, cities.length]).toEqual([2, 1]);
    expect(text.length).toBeGreaterThan(0);
    const streamed = streamText(body);
    await streamed.consumeStream();
    expect(((await streamed.steps)[0]?.toolResults ?? [])[0]?.output).toBe(WEATHER_ANSWER);
  });
});
