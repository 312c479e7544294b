/**
 * Where two JSON values first differ, in words; null when they are the same. Numbers are compared by Object.is, so a
 * float must agree to the last bit; key order does not count.
 */
export function describeFirstDifference(
  actual: unknown,
  expected: unknown,
  path = 'the value',
): string | null {
  if (Object.is(actual, expected)) return null;
  if (Array.isArray(actual) && Array.isArray(expected)) {
    for (const [index, item] of expected.entries()) {
      if (index >= actual.length) break;
      const difference = describeFirstDifference(actual[index], item, `${path}[${index}]`);
      if (difference !== null) return difference;
    }
    return actual.length === expected.length
      ? null
      : `${path} has ${actual.length} items where ${expected.length} are expected`;
  }
  if (isRecord(actual) && isRecord(expected)) {
    for (const [key, value] of Object.entries(expected)) {
      if (!(key in actual)) return `${path}.${key} is missing, ${show(value)} is expected`;
      const difference = describeFirstDifference(actual[key], value, `${path}.${key}`);
      if (difference !== null) return difference;
    }
    const extra = Object.keys(actual).find((key) => !(key in expected));
    return extra === undefined
      ? null
      : `${path}.${extra} is ${show(actual[extra])}, none is expected`;
  }
  return `${path} is ${show(actual)}, ${show(expected)} is expected`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}
