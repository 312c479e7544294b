/** The values of conform's flags, checked: each fault names the flag, the value, the limit and what to do. */
import { ConfigError } from '../../shared/errors.ts';
import type { OwnFlags } from '../flags/own-flags.ts';

const MAX_RANKS = 64;

/** The last value given; null where there is none. */
export function valueFlag({ flags }: OwnFlags, name: string): string | null {
  return flags.get(name)?.at(-1) ?? null;
}

/** A number of engines. Throws E_BAD_FLAG. */
export function countFlag(flags: OwnFlags, name: string, fallback: number): number {
  const text = valueFlag(flags, name);
  if (text === null) return fallback;
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MAX_RANKS)
    throw badFlag(`--${name} '${text}': must be a whole number from 1 to ${MAX_RANKS}`);
  return count;
}

/** Throws E_BAD_FLAG. */
export function secondsFlag(flags: OwnFlags, name: string, fallback: number, max: number): number {
  const text = valueFlag(flags, name);
  if (text === null) return fallback;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > max)
    throw badFlag(`--${name} '${text}': must be a number of seconds above 0, at most ${max}`);
  return seconds;
}

/** One of some words; null where the flag is not given. Throws E_BAD_FLAG. */
export function wordFlag<T extends string>(
  flags: OwnFlags,
  name: string,
  words: readonly T[],
): T | null {
  const text = valueFlag(flags, name);
  if (text === null) return null;
  const word = words.find((known) => known === text);
  if (word === undefined) throw badFlag(`--${name} '${text}': must be one of ${words.join(', ')}`);
  return word;
}

export function badFlag(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
