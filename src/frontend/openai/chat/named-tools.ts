/** Which tools a user asks for in plain words. Pure. */
import type { FunctionTool } from '../parsing/types.ts';
import type { ChatMessageParam } from './request.ts';

/** Words of a function's name that say that it is asked, not for what. */
const VERBS = new Set(
  (
    'get fetch find look lookup up read show list query search check tell give ask call run do make create compute ' +
    'calculate retrieve request use set update send'
  ).split(' '),
);
const FILLERS = new Set(
  'the a an of for to in on by current latest my tool function api info data'.split(' '),
);

/**
 * The tools that the last message, where it is a user's, names: as they are called (`get_weather`, `get weather`,
 * `getWeather`), or by what they are about: all words of the name that are no verb (`What is the weather in Oslo?`).
 */
export function toolsNamedIn(
  messages: readonly ChatMessageParam[],
  tools: readonly FunctionTool[],
): readonly FunctionTool[] {
  const last = messages.at(-1);
  if (last?.['role'] !== 'user') return [];
  const words = wordsOf(textOf(last['content']));
  const said = ` ${words.join(' ')} `;
  return tools.filter(({ name }) => {
    const nameWords = wordsOf(name);
    if (nameWords.length === 0) return false;
    if (said.includes(` ${nameWords.join(' ')} `)) return true;
    const subject = nameWords.filter((word) => !VERBS.has(word) && !FILLERS.has(word));
    return subject.length > 0 && subject.every((word) => words.some((each) => isSame(each, word)));
  });
}

/** One may have the plural's s. */
function isSame(a: string, b: string): boolean {
  return a === b || a === `${b}s` || b === `${a}s`;
}

/** In lower case, parted where a capital follows a small letter too. */
function wordsOf(text: string): readonly string[] {
  const parted = text.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  return parted.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as readonly { text?: unknown }[])
    .map((part) => (typeof part?.text === 'string' ? part.text : ''))
    .join(' ');
}
