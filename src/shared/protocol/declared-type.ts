/**
 * What vLLM declares a wire field to be, as data: msgspec checks a message against it, and two versions are compared by
 * it. How a field is read and written is its FieldType's own, which may take less apart.
 */
export type DeclaredType =
  | { readonly kind: 'any' | 'bool' | 'int' | 'float' | 'str' | 'bytes' | 'none' }
  | { readonly kind: 'list' | 'set' | 'tuple'; readonly of: DeclaredType }
  | { readonly kind: 'dict'; readonly keys: DeclaredType; readonly values: DeclaredType }
  /** An Enum or a Literal, by its values on the wire. */
  | { readonly kind: 'enum'; readonly name: string; readonly values: readonly (number | string)[] }
  /** A struct by its name in a version's tables. */
  | { readonly kind: 'struct'; readonly struct: string }
  /** Structs that a tag tells apart. */
  | { readonly kind: 'tagged'; readonly structs: readonly string[] }
  /** A class that a hook makes of any value, like a tensor. */
  | { readonly kind: 'custom'; readonly name: string }
  | { readonly kind: 'union'; readonly of: readonly DeclaredType[] };

export const ANY: DeclaredType = { kind: 'any' };
export const BOOL: DeclaredType = { kind: 'bool' };
export const INT: DeclaredType = { kind: 'int' };
export const FLOAT: DeclaredType = { kind: 'float' };
export const STR: DeclaredType = { kind: 'str' };
export const BYTES: DeclaredType = { kind: 'bytes' };
const NONE: DeclaredType = { kind: 'none' };

export function listOf(of: DeclaredType): DeclaredType {
  return { kind: 'list', of };
}

export function dictOf(keys: DeclaredType, values: DeclaredType): DeclaredType {
  return { kind: 'dict', keys, values };
}

export function unionOf(...of: readonly DeclaredType[]): DeclaredType {
  return { kind: 'union', of };
}

export function orNone(type: DeclaredType): DeclaredType {
  return type.kind === 'union' ? unionOf(...type.of, NONE) : unionOf(type, NONE);
}

export function literalOf(values: readonly string[]): DeclaredType {
  return { kind: 'enum', name: `Literal[${values.map((v) => `'${v}'`).join(', ')}]`, values };
}

/** The type in Python's words, `list[int] | None`; `nameOf` gives the class names of structs. */
export function declaredText(type: DeclaredType, nameOf: (struct: string) => string): string {
  const text = (inner: DeclaredType): string => declaredText(inner, nameOf);
  switch (type.kind) {
    case 'any':
      return 'Any';
    case 'none':
      return 'None';
    case 'list':
    case 'set':
      return `${type.kind}[${text(type.of)}]`;
    case 'tuple':
      return `tuple[${text(type.of)}, ...]`;
    case 'dict':
      return `dict[${text(type.keys)}, ${text(type.values)}]`;
    case 'struct':
      return nameOf(type.struct);
    case 'tagged':
      return type.structs.map(nameOf).join(' | ');
    case 'union':
      return type.of.map(text).join(' | ');
    case 'enum':
    case 'custom':
      return type.name;
    default:
      return type.kind;
  }
}
