/** Checks an input against one schema node, for tests of single rules. */
import type { SchemaNode } from '../../src/frontend/pydantic/schema-node.ts';
import { SchemaValidator } from '../../src/frontend/pydantic/schema-validator.ts';
import type { SchemaHooks } from '../../src/frontend/pydantic/validation-walk.ts';
import type { PyValue } from '../../src/shared/python/values.ts';

export const NO_HOOKS: SchemaHooks = {
  keptExtras: [],
  before: (_name, value) => value,
  refusal: () => null,
  dataclass: () => {},
};

/** The value, or the faults as `[type, place, words, ctx]`. */
export function validate(
  node: SchemaNode,
  input: unknown,
  { defs = {}, hooks = NO_HOOKS }: { defs?: Record<string, SchemaNode>; hooks?: SchemaHooks } = {},
): { value: unknown } | { faults: readonly unknown[] } {
  const result = new SchemaValidator({ root: node, defs }, hooks).validate(input as PyValue);
  if (result.ok) return { value: result.value };
  return {
    faults: result.errors.map(({ type, loc, msg, ctx }) => [type, loc.join('.'), msg, ctx]),
  };
}

/** Type and place of each fault; none where the input is taken. */
export function faultsOf(...args: Parameters<typeof validate>): readonly unknown[] {
  const result = validate(...args);
  return 'faults' in result ? result.faults.map((fault) => (fault as unknown[]).slice(0, 2)) : [];
}
