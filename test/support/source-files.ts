import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the repository's root: `src/shared/clock.ts`. */
  readonly path: string;
  readonly text: string;
}

/** The files under a folder of the repository whose names end so (default: TypeScript), in order of their paths. */
export function sourceFiles(folder: string, ...endings: readonly string[]): readonly SourceFile[] {
  const wanted = endings.length === 0 ? ['.ts', '.tsx'] : endings;
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => normalize(join(entry.parentPath ?? entry.path, entry.name)).slice(root.length))
    .sort()
    .map(readSource);
}

export function readSource(path: string): SourceFile {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** What a file imports, types and re-exports included: package names as written, own files as paths from the root. */
export function importsOf({ path, text }: SourceFile): readonly string[] {
  const statement =
    /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  return [...text.matchAll(statement)].map((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    return specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier;
  });
}
