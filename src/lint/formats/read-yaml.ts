/** YAML documents with the place of every text. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseAllDocuments,
  Scalar,
} from 'yaml';
import { type FileNode, OTHER } from './file-node.ts';
import { maskTemplates, unmasked } from './helm.ts';
import type { PlacedText, Source } from './placed-text.ts';
import { MAX_DEPTH, Unreadable } from './unreadable.ts';
import { placeScalar, type ScalarStyle } from './yaml-scalar.ts';

export interface YamlFile {
  readonly documents: readonly FileNode[];
  /** What could not be read; the documents hold the rest. */
  readonly problem: Unreadable | null;
}

/** Characters of YAML: the parser takes a hundred bytes of memory and more for each. */
const MAX_YAML = 8 << 20;

const STYLES: Readonly<Record<string, ScalarStyle>> = {
  [Scalar.PLAIN]: 'plain',
  [Scalar.QUOTE_SINGLE]: 'single',
  [Scalar.QUOTE_DOUBLE]: 'double',
  [Scalar.BLOCK_LITERAL]: 'block',
  [Scalar.BLOCK_FOLDED]: 'block',
};

export function readYaml(source: Source): YamlFile {
  if (source.text.length > MAX_YAML)
    throw new Unreadable(
      `has ${source.text.length} characters of YAML; at most ${MAX_YAML} are read: split it`,
      0,
    );
  const plain = parse(source.text, source);
  if (plain.problem === null || !source.text.includes('{{')) return plain;
  const masked = parse(maskTemplates(source.text), source);
  return masked.problem === null || masked.documents.length > 0 ? masked : plain;
}

function parse(text: string, source: Source): YamlFile {
  let documents: readonly Document.Parsed[];
  try {
    const parsed = parseAllDocuments(text, {
      keepSourceTokens: true,
      logLevel: 'silent',
      strict: false,
      uniqueKeys: false,
      // Tags of other programs (!reference, !secret) are no mistake.
      version: '1.2',
    });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new Unreadable(`is not YAML that can be read: nested deeper than ${MAX_DEPTH}`, 0);
  }
  const first = documents.flatMap(({ errors }) => errors)[0];
  const problem =
    first === undefined
      ? null
      : new Unreadable(`is not YAML: ${wordsOf(first.message)}`, first.pos[0]);
  const nodes = documents.flatMap((document) => {
    const node = new YamlTree(document, text, source).root();
    return node === null ? [] : [node];
  });
  return { documents: nodes, problem };
}

/** Of the parser's message, which can quote the whole file. */
const SHOWN = 120;

function wordsOf(message: string): string {
  if (message.includes('call stack')) return 'nested deeper than can be read';
  const line = message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}

class YamlTree {
  readonly #document: Document.Parsed;
  /** What was parsed; the source differs from it where it has templates. */
  readonly #text: string;
  readonly #source: Source;
  /** An alias stands for the node itself, not for a copy: a few lines of aliases can stand for millions of copies. */
  readonly #made = new Map<unknown, FileNode>();

  constructor(document: Document.Parsed, text: string, source: Source) {
    this.#document = document;
    this.#text = text;
    this.#source = source;
  }

  root(): FileNode | null {
    const { contents } = this.#document;
    return contents === null ? null : this.#node(contents, 0);
  }

  #node(node: ParsedNode | Alias | null, depth: number): FileNode {
    if (node === null) return OTHER;
    if (depth > MAX_DEPTH) throw new Unreadable(`is nested deeper than ${MAX_DEPTH}`, 0);
    const made = this.#made.get(node);
    if (made !== undefined) return made;
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      return target === undefined ? OTHER : this.#node(target as ParsedNode, depth + 1);
    }
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) {
      const items: FileNode[] = [];
      const list: FileNode = { kind: 'list', items };
      this.#made.set(node, list);
      for (const item of node.items) items.push(this.#node(item as ParsedNode, depth + 1));
      return list;
    }
    return isScalar(node) ? this.#scalar(node as Scalar.Parsed) : OTHER;
  }

  #map(node: ParsedNode, depth: number): FileNode {
    const entries = new Map<string, FileNode>();
    const map: FileNode = { kind: 'map', entries };
    this.#made.set(node, map);
    if (!isMap(node)) return map;
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const made = this.#node(value as ParsedNode, depth + 1);
      if (name !== '<<') entries.set(name, made);
      // What is merged comes behind what is written out.
      else
        for (const merged of made.kind === 'list' ? made.items : [made])
          if (merged.kind === 'map')
            for (const [inner, at] of merged.entries)
              if (!entries.has(inner)) entries.set(inner, at);
    }
    return map;
  }

  #scalar(node: Scalar.Parsed): FileNode {
    if (typeof node.value !== 'string') return OTHER;
    const { value } = node;
    const style = STYLES[node.type ?? ''];
    const range = this.#contentOf(node, style);
    const hasTemplates = this.#text !== this.#source.text;
    const placed = (): PlacedText => {
      const found =
        style === undefined ? null : placeScalar(this.#text, { style, value, ...range });
      if (found === null) return this.#source.place(unplaced(value, range.from));
      const text = hasTemplates ? this.#unmasked(found) : found.text;
      return this.#source.place({ ...found, text });
    };
    return {
      kind: 'text',
      value: hasTemplates ? this.#restored(node, value, placed) : value,
      placed,
    };
  }

  /** A value whose templates are the file's again. */
  #restored(node: Scalar.Parsed, value: string, placed: () => PlacedText): string {
    const [from, to] = node.range;
    return this.#text.slice(from, to) === this.#source.text.slice(from, to) ? value : placed().text;
  }

  #unmasked({ text, offsets }: PlacedText): string {
    return unmasked(text, offsets, { masked: this.#text, text: this.#source.text });
  }

  #contentOf(node: Scalar.Parsed, style: ScalarStyle | undefined): { from: number; to: number } {
    const [from, to] = node.range;
    if (style === 'single' || style === 'double') return { from: from + 1, to: to - 1 };
    const token = node.srcToken;
    if (token?.type !== 'block-scalar') return { from, to };
    const header = token.props.reduce(
      (sum, prop) => sum + ('source' in prop ? prop.source.length : 0),
      0,
    );
    const content = token.props.length === 0 ? from : token.offset + header;
    return { from: content, to: content + token.source.length };
  }
}

/** A text whose units cannot be told apart: it is said where it begins, and nothing in it is rewritten. */
const unplaced = (text: string, at: number): PlacedText => ({
  text,
  offsets: Array.from({ length: text.length + 1 }, () => at),
  escape: (inserted) => inserted,
});
