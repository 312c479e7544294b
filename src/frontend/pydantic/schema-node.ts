/**
 * The shape of a request body, as a tree. The JSON files in schemas/ hold one tree per request class of vLLM 0.33.0:
 * field names, types, bounds and defaults, in field order.
 */
export type SchemaNode =
  | 'str'
  | 'int'
  | 'float'
  | 'bool'
  | 'bytes'
  | 'any'
  | 'none'
  | { readonly ref: string }
  | {
      readonly t: 'str' | 'bytes';
      readonly min_length?: number;
      readonly max_length?: number;
      readonly pattern?: string;
      readonly strict?: 1;
    }
  | {
      readonly t: 'int' | 'float' | 'bool';
      readonly ge?: number;
      readonly le?: number;
      readonly gt?: number;
      readonly strict?: 1;
    }
  | { readonly t: 'nullable'; readonly of: SchemaNode }
  | {
      readonly t: 'list';
      readonly of: SchemaNode;
      readonly min_length?: number;
      readonly max_length?: number;
      readonly noun?: string;
    }
  | { readonly t: 'generator'; readonly of: SchemaNode }
  | { readonly t: 'dict'; readonly k: SchemaNode; readonly v: SchemaNode }
  | { readonly t: 'union'; readonly of: readonly SchemaNode[] }
  | { readonly t: 'literal'; readonly of: readonly (string | number | boolean)[] }
  | { readonly t: 'enum'; readonly of: readonly (string | number)[] }
  | { readonly t: 'tuple'; readonly of: readonly SchemaNode[] }
  | TaggedUnionNode
  | TypedDictNode
  | ModelNode
  | DataclassNode
  | { readonly t: 'before' | 'after'; readonly fn: string; readonly of: SchemaNode }
  | { readonly t: 'wrap'; readonly of: SchemaNode }
  | { readonly t: 'chain'; readonly of: readonly SchemaNode[] }
  | { readonly t: 'instance'; readonly name: string };

export interface SchemaField {
  readonly s: SchemaNode;
  /** Present: the field has this default; absent together with `r`: optional without a default. */
  readonly d?: unknown;
  /** 1: the field is required. */
  readonly r?: 1;
  readonly alias?: string;
}

export type SchemaFields = Readonly<Record<string, SchemaField>>;
export interface TypedDictNode {
  readonly t: 'typed-dict';
  readonly name: string;
  readonly extra: 'allow' | 'ignore' | 'forbid';
  readonly f: SchemaFields;
}
/** A union whose member is told by the value of one field. */
export interface TaggedUnionNode {
  readonly t: 'tagged';
  readonly by: string;
  readonly of: Readonly<Record<string, SchemaNode>>;
}
export interface ModelNode {
  readonly t: 'model';
  readonly name: string;
  /** Left out: unknown fields are passed over. */
  readonly extra?: 'allow' | 'forbid';
  readonly before?: readonly string[];
  readonly f: SchemaFields;
}
export interface DataclassNode {
  readonly t: 'dataclass';
  readonly name: string;
  readonly f: SchemaFields;
  /** 1: the class checks itself once it is filled. */
  readonly post?: 1;
}

export interface RequestSchema {
  readonly root: SchemaNode;
  readonly defs: Readonly<Record<string, SchemaNode>>;
}
