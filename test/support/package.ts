/**
 * What the process tests run: the built clone, or the folder of an installed package where TWIN_PACKAGE names one
 * (`npm run test:packed`). The name has no VLLM_TWIN_ before it, as that would make it a setting of the twin.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLONE = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = resolve(process.env['TWIN_PACKAGE'] ?? CLONE);

export interface PackageManifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly files: readonly string[];
}

/** True where an installed package is tested, not the clone. */
export const IS_INSTALLED = PACKAGE !== resolve(CLONE);

/** The whole path of a file of the package, e.g. `bin/vllm-twin.cjs`. */
export function packageFile(path: string): string {
  return join(PACKAGE, path);
}

export function readManifest(): PackageManifest {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as PackageManifest;
}
