/** A value at once, or later: what is short is done in the same turn, only what is long waits for a worker. Pure. */
export type Later<T> = T | Promise<T>;

/** `use` of the value, in this turn where it is here. What `use` throws is thrown, or rejects what is later. */
export function whenHere<T, R>(value: Later<T>, use: (value: T) => Later<R>): Later<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}
