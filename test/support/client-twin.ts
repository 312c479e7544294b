/** A twin for clients that want tools and structured output, and what they are asked with. */
import { z } from 'zod';
import { TINYMODEL, Twin } from './twin.ts';

export function startClientTwin(): Twin {
  return new Twin([
    ...[
      'serve',
      TINYMODEL,
      '--served-model-name',
      'tiny',
      '--max-model-len',
      '4096',
      '--port',
      '0',
    ],
    ...['--enable-auto-tool-choice', '--tool-call-parser', 'hermes', '--step-time', 'zero'],
  ]);
}

/** What vLLM's guides extract. */
export const Person = z.object({
  name: z.string(),
  age: z.number().int().min(0).max(150),
  role: z.enum(['engineer', 'designer']),
  tags: z.array(z.string()).max(3),
});

export const PERSON_QUESTION = 'Ann is a designer of 41 years. Extract the person.';

export const Weather = z.object({ city: z.string(), unit: z.enum(['celsius', 'fahrenheit']) });

/** In plain words that name the tool. */
export const WEATHER_QUESTION = 'Call get_weather for Paris.';

export const WEATHER_ANSWER = 'Rain, 12 degrees.';
