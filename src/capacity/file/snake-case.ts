/** Between the names of file formats (vLLM's, in snake_case) and those of the code. */

export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** Types of `camelKeys`. */
export type CamelKeys<Values> = {
  [Name in keyof Values as Name extends string ? CamelCase<Name> : never]: Values[Name];
};

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The same values under camelCase names; only the outermost names change. What is undefined is left out. */
export function camelKeys<Values extends object>(values: Values): CamelKeys<Values> {
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[camelCase(name), value] as const],
  );
  return Object.fromEntries(entries) as CamelKeys<Values>;
}
