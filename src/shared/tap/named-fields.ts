import type { StructTable } from '../protocol/struct-table.ts';
import { shownValue } from './shown-value.ts';

/** A decoded struct under vLLM's field names, as JSON has it. */
export function namedFields<T extends object>(
  { fields }: StructTable<T>,
  value: T,
): Readonly<Record<string, unknown>> {
  const values = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(fields.map(({ wire, key }) => [wire, shownValue(values[key])]));
}
