/**
 * Unions in pydantic's smart mode: the member that fits best, or the faults of all. Pure.
 * Source: pydantic-core src/validators/union.rs.
 */
import type { PyValue } from '../../shared/python/values.ts';
import type { SchemaNode } from './schema-node.ts';
import {
  type Attempt,
  Exactness,
  FAILED,
  type Result,
  type ValidationWalk,
} from './validation-walk.ts';

export function validateUnion(
  walk: ValidationWalk,
  members: readonly SchemaNode[],
  input: PyValue,
): Result {
  let best: Attempt | null = null;
  for (const member of members) {
    const attempt = walk.probe(member, input);
    if (attempt.value === FAILED) continue;
    if (attempt.exactness === Exactness.EXACT && attempt.fieldsSet === null) return attempt.value;
    if (best === null || isBetter(attempt, best)) best = attempt;
  }
  if (best === null) {
    if (!walk.isProbe) for (const member of members) collectFaults(walk, member, input);
    return FAILED;
  }
  walk.floor(best.exactness);
  if (best.fieldsSet !== null) walk.countFieldsSet(best.fieldsSet);
  return best.value;
}

function collectFaults(walk: ValidationWalk, member: SchemaNode, input: PyValue): void {
  const label = memberLabel(walk, member);
  if (label !== null) walk.loc.push(label);
  const { errors } = walk.attempt(member, input);
  if (label !== null) walk.loc.pop();
  // One by one: a long list can have more faults than a call takes arguments.
  for (const error of errors) walk.errors.push(error);
}

/** More fields set counts before a better fit; of equals the first one stays. */
function isBetter(attempt: Attempt, best: Attempt): boolean {
  const isByFields =
    best.fieldsSet !== null && attempt.fieldsSet !== null && best.fieldsSet !== attempt.fieldsSet;
  return isByFields
    ? Number(best.fieldsSet) < Number(attempt.fieldsSet)
    : best.exactness < attempt.exactness;
}

/** A member's place in `loc`, where the server shows it: class names; the names of plain types are left out there. */
function memberLabel(walk: ValidationWalk, node: SchemaNode): string | null {
  if (typeof node === 'string') return null;
  if ('ref' in node) return memberLabel(walk, walk.resolve(node.ref));
  switch (node.t) {
    case 'typed-dict':
    case 'model':
    case 'dataclass':
      return node.name;
    case 'int':
      return node.ge !== undefined || node.le !== undefined ? 'constrained-int' : null;
    default:
      return null;
  }
}
