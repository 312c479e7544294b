/**
 * Unions in pydantic's smart mode: the member that fits best, or the faults of all. Pure.
 * Source: pydantic-core src/validators/union.rs.
 */
import { pyRepr, pyStr } from '../../shared/python/str.ts';
import { isDict, type PyValue } from '../../shared/python/values.ts';
import type { SchemaNode, TaggedUnionNode } from './schema-node.ts';
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

/** Source: pydantic-core src/validators/union.rs TaggedUnionValidator. */
export function validateTaggedUnion(
  walk: ValidationWalk,
  { by, of }: TaggedUnionNode,
  input: PyValue,
): Result {
  if (!isDict(input)) {
    return walk.fail(
      'model_attributes_type',
      'Input should be a valid dictionary or object to extract fields from',
      input,
    );
  }
  const discriminator = pyRepr(by);
  const tag = Object.hasOwn(input, by) ? input[by] : undefined;
  if (tag === undefined) {
    return walk.fail(
      'union_tag_not_found',
      `Unable to extract tag using discriminator ${discriminator}`,
      input,
      [['discriminator', pyRepr(discriminator)]],
    );
  }
  const member = typeof tag === 'string' && Object.hasOwn(of, tag) ? of[tag] : undefined;
  if (member === undefined) {
    const tags = Object.keys(of)
      .map((name) => pyRepr(name))
      .join(', ');
    return walk.fail(
      'union_tag_invalid',
      `Input tag '${pyStr(tag)}' found using ${discriminator} does not match any of the expected tags: ${tags}`,
      input,
      [
        ['discriminator', pyRepr(discriminator)],
        ['tag', pyRepr(pyStr(tag))],
        ['expected_tags', pyRepr(tags)],
      ],
    );
  }
  return walk.at(tag as string, member, input);
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
    case 'str':
      return node.min_length !== undefined || node.max_length !== undefined
        ? 'constrained-str'
        : null;
    case 'int':
      return node.ge !== undefined || node.le !== undefined ? 'constrained-int' : null;
    default:
      return null;
  }
}
