/**
 * Where this package's own files lie: data beside the code, programs of its processes. Bundled code stands at another
 * depth than its source, so a path is said from the root of `src` or `dist`, not from the file that asks.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `src` or `dist`, whichever this code runs from: the folder beside package.json. */
const CODE_ROOT = codeRootOf(import.meta.dirname);

function codeRootOf(folder: string): string {
  const parent = dirname(folder);
  if (parent === folder || existsSync(join(parent, 'package.json'))) return folder;
  return codeRootOf(parent);
}

/** The absolute path of one of our own files, named from the root of the code: `page/index.html`. */
export function ownFile(path: string): string {
  return join(CODE_ROOT, path);
}

/** What to start for one of our processes, `engine-core/main`: they run as built, whatever starts them. */
export function ownProgram(name: string): string {
  return join(CODE_ROOT, '..', 'dist', `${name}.cjs`);
}

/** The package's own package.json. */
export const PACKAGE_JSON: string = join(CODE_ROOT, '..', 'package.json');
