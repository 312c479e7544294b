/** Files to judge: those that are named, and in folders those whose names end as such files' names do. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../shared/errors.ts';

export interface SourceFile {
  /** As the user named it; `-` of standard input. */
  readonly name: string;
  /** Named by itself, not found in a folder. */
  readonly isNamed: boolean;
}

/** A file, or why it, or a folder, cannot be read. */
export type ReadFile =
  | { readonly name: string; readonly isNamed: boolean; readonly text: string }
  | { readonly name: string; readonly isNamed: boolean; readonly problem: string };

/** Of files in folders, as people are told. */
export const READ_ENDINGS = '.json, .yaml, .yml, .promql, .md';
const ENDINGS = /\.(json|ya?ml|promql|md)$/i;
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git']);
/** Bytes of a file that are read: dashboards have a few megabytes at most. */
export const MAX_FILE_BYTES = 64 << 20;
const STDIN = 0;

/** In the order in which they are named, folders by name; each file once. */
export function* sourceFiles(paths: readonly string[]): Generator<ReadFile> {
  const seen = new Set<string>();
  for (const path of paths) {
    for (const found of filesAt(path)) {
      if (seen.has(found.name)) continue;
      seen.add(found.name);
      yield 'problem' in found ? found : readSource(found);
    }
  }
}

function* filesAt(path: string): Generator<SourceFile | (ReadFile & { problem: string })> {
  let isFolder = false;
  try {
    isFolder = path !== '-' && statSync(path).isDirectory();
  } catch {
    // Said when it is read.
  }
  if (isFolder) yield* filesIn(path);
  else yield { name: path, isNamed: true };
}

function* filesIn(folder: string): Generator<SourceFile | (ReadFile & { problem: string })> {
  let entries: readonly { name: string; isDirectory(): boolean; isFile(): boolean }[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    yield { name: folder, isNamed: true, problem: `cannot be read (${reasonOf(cause)})` };
    return;
  }
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of sorted) {
    const path = join(folder, entry.name);
    // Links are not followed: they can lead in a circle, and what they name has a name of its own.
    if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) yield* filesIn(path);
    else if (entry.isFile() && ENDINGS.test(entry.name)) yield { name: path, isNamed: false };
  }
}

function readSource({ name, isNamed }: SourceFile): ReadFile {
  try {
    const size = name === '-' ? 0 : statSync(name).size;
    if (size > MAX_FILE_BYTES) return { name, isNamed, problem: tooBig(size) };
    const bytes = readFileSync(name === '-' ? STDIN : name);
    if (bytes.length > MAX_FILE_BYTES) return { name, isNamed, problem: tooBig(bytes.length) };
    return { name, isNamed, ...textOf(bytes) };
  } catch (cause) {
    return { name, isNamed, problem: `cannot be read (${reasonOf(cause)})` };
  }
}

function textOf(bytes: Buffer): { readonly text: string } | { readonly problem: string } {
  if (bytes.includes(0)) return { problem: 'is no text in UTF-8: it has bytes of 0' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { problem: 'is no text in UTF-8' };
  }
}

const tooBig = (bytes: number): string =>
  `has ${bytes} bytes; at most ${MAX_FILE_BYTES} are read: split it`;
