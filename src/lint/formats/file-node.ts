import type { PlacedText } from './placed-text.ts';

/** What JSON and YAML files hold, alike: readers of formats look at these alone. */
export type FileNode = MapNode | ListNode | TextNode | OtherNode;

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, FileNode>;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly FileNode[];
}

export interface TextNode {
  readonly kind: 'text';
  readonly value: string;
  /** Its places are worked out only when they are asked for. */
  readonly placed: () => PlacedText;
}

/** A number, a truth value or nothing. */
export interface OtherNode {
  readonly kind: 'other';
}

export const OTHER: OtherNode = { kind: 'other' };

/** The map under a key, or under keys one in the other. */
export function mapAt(node: FileNode | undefined, ...keys: readonly string[]): MapNode | null {
  const found = nodeAt(node, ...keys);
  return found?.kind === 'map' ? found : null;
}

export function listAt(
  node: FileNode | undefined,
  ...keys: readonly string[]
): readonly FileNode[] | null {
  const found = nodeAt(node, ...keys);
  return found?.kind === 'list' ? found.items : null;
}

export function textAt(node: FileNode | undefined, ...keys: readonly string[]): TextNode | null {
  const found = nodeAt(node, ...keys);
  return found?.kind === 'text' ? found : null;
}

/** The value of a text; empty where there is none. */
export function wordAt(node: FileNode | undefined, ...keys: readonly string[]): string {
  return textAt(node, ...keys)?.value ?? '';
}

function nodeAt(node: FileNode | undefined, ...keys: readonly string[]): FileNode | undefined {
  let found = node;
  for (const key of keys) found = found?.kind === 'map' ? found.entries.get(key) : undefined;
  return found;
}
