/**
 * dist/THIRD-PARTY-NOTICES.txt: the licences of the packages whose code is in our bundles, as their authors ship them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const IN_PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** `inputs` are the files of the bundles, from `root`. Throws where a package has neither a licence nor its name. */
export function writeNotices(root, inputs) {
  const folders = new Set(inputs.flatMap((input) => IN_PACKAGE.exec(input)?.[0] ?? []));
  const notices = [...folders].map((folder) => noticeOf(join(root, folder)));
  const text = [
    'Parts of these packages are in the files of this folder.',
    ...notices.sort((a, b) => a.localeCompare(b, 'en')),
  ].join(`\n\n${'-'.repeat(80)}\n\n`);
  writeFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), `${text}\n`);
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length === 0 && typeof license !== 'string')
    throw new Error(`${name}@${version} is in a bundle and names no licence`);
  return [`${name} ${version} (${license})`, ...texts].join('\n\n');
}
