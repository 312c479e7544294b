import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
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

const PERSON = [{ role: 'user' as const, content: PERSON_QUESTION }];
const WEATHER = [{ role: 'user' as const, content: WEATHER_QUESTION }];

describe('the official openai client, with structured output and tools', () => {
  let twin: Twin;
  let client: OpenAI;

  beforeAll(async () => {
    twin = startClientTwin();
    client = new OpenAI({ baseURL: `${await twin.url()}/v1`, apiKey: 'none', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const getWeather = zodFunction({ name: 'get_weather', parameters: Weather });

  it('parses a chat by a schema, whole and streamed', async () => {
    const body = {
      model: 'tiny',
      messages: PERSON,
      response_format: zodResponseFormat(Person, 'person'),
    };
    const answer = await client.chat.completions.parse(body);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(Person.parse(answer.choices[0]?.message.parsed)).toBeDefined();
    const stream = client.chat.completions.stream(body);
    const streamed = (await stream.finalChatCompletion()).choices[0];
    expect(Person.parse(streamed?.message.parsed)).toBeDefined();
  });

  it('parses a response by a schema, whole and streamed', async () => {
    const body = {
      model: 'tiny',
      input: PERSON_QUESTION,
      text: { format: zodTextFormat(Person, 'person') },
    };
    const answer = await client.responses.parse(body);
    expect(answer.status).toBe('completed');
    expect(Person.parse(answer.output_parsed)).toBeDefined();
    const streamed = await client.responses.stream(body).finalResponse();
    expect(Person.parse(streamed.output_parsed)).toBeDefined();
  });

  it.each(['required', { type: 'function', function: { name: 'get_weather' } }] as const)(
    'gets the arguments of a tool by its choice %j',
    async (tool_choice) => {
      const body = { model: 'tiny', messages: WEATHER, tools: [getWeather], tool_choice };
      const answer = await client.chat.completions.parse(body);
      const [call] = answer.choices[0]?.message.tool_calls ?? [];
      expect(call?.function.name).toBe('get_weather');
      expect(Weather.parse(call?.function.parsed_arguments)).toBeDefined();
    },
  );

  it('runs a tool and goes on to an answer', async () => {
    const cities: string[] = [];
    const runner = client.chat.completions.runTools({
      model: 'tiny',
      messages: WEATHER,
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'The weather of a city.',
            parameters: getWeather.function.parameters as object,
            parse: (text: string) => Weather.parse(JSON.parse(text)),
            function: ({ city }: { city: string }) => {
              cities.push(city);
              return WEATHER_ANSWER;
            },
          },
        },
      ],
    });
    expect((await runner.finalContent())?.length).toBeGreaterThan(0);
    expect(cities).toHaveLength(1);
    expect(runner.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
    ]);
  });

  it('calls a function of a response and tells what it gave', async () => {
    const tool = {
      type: 'function' as const,
      name: 'get_weather',
      parameters: getWeather.function.parameters as Record<string, unknown>,
      strict: true,
    };
    const first = await client.responses.create({
      ...{ model: 'tiny', input: WEATHER_QUESTION, tools: [tool] },
      tool_choice: 'required',
    });
    const call = first.output.find((item) => item.type === 'function_call');
    if (call === undefined) throw new Error('there is no call');
    expect(call.name).toBe('get_weather');
    expect(Weather.parse(JSON.parse(call.arguments))).toBeDefined();
    const output = { type: 'function_call_output' as const, call_id: call.call_id };
    const second = await client.responses.create({
      model: 'tiny',
      input: [{ role: 'user', content: WEATHER_QUESTION }, call, { ...output, output: 'Rain.' }],
      max_output_tokens: 16,
      tools: [tool],
      tool_choice: 'none',
    });
    expect(second.output_text.length).toBeGreaterThan(0);
  });

  it('streams the arguments of a function of a response', async () => {
    const stream = await client.responses.create({
      model: 'tiny',
      input: WEATHER_QUESTION,
      stream: true,
      tool_choice: { type: 'function', name: 'get_weather' },
      tools: [
        {
          type: 'function',
          name: 'get_weather',
          parameters: getWeather.function.parameters as Record<string, unknown>,
          strict: true,
        },
      ],
    });
    let args = '';
    let done = '';
    for await (const event of stream) {
      if (event.type === 'response.function_call_arguments.delta') args += event.delta;
      if (event.type === 'response.function_call_arguments.done') done = event.arguments;
    }
    expect(args).toBe(done);
    expect(Weather.parse(JSON.parse(done))).toBeDefined();
  });
});
