import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FRONTEND_CHECKS } from '../../src/conform/frontend/checks.ts';
import { SMG_DEVIATIONS, VLLM_RS_DEVIATIONS } from '../support/known-deviations.ts';
import { packageFile } from '../support/package.ts';

const PEERS = [VLLM_RS_DEVIATIONS, SMG_DEVIATIONS];

/** `peer | kind | check | what it does`, for each check that docs/compatibility.md names. */
function told(): readonly string[] {
  const text = readFileSync(packageFile('docs/compatibility.md'), 'utf8');
  return text.split('\n').flatMap((line) => rowOf(line) ?? []);
}

function rowOf(line: string): readonly string[] | null {
  const match = /^\| (.+?) \| (differs|not judged) \| (.+?) \| (.+) \|$/.exec(line);
  if (match === null) return null;
  const [, peer, kind, checks = '', does] = match;
  return checks.split(', ').map((id) => `${peer} | ${kind} | ${id.replaceAll('`', '')} | ${does}`);
}

it('docs/compatibility.md names every known deviation of a frontend, and no other', () => {
  const known = PEERS.flatMap(({ peer, failed, notApplicable }) => [
    ...Object.entries(failed).map(([id, does]) => `${peer} | differs | ${id} | ${does}`),
    ...Object.entries(notApplicable).map(([id, why]) => `${peer} | not judged | ${id} | ${why}`),
  ]);
  expect([...told()].sort()).toEqual(known.sort());
});

it('known deviations are of checks that there are', () => {
  const ids = new Set(FRONTEND_CHECKS.map(({ id }) => id));
  const unknown = PEERS.flatMap(({ failed, notApplicable }) => [
    ...Object.keys(failed),
    ...Object.keys(notApplicable),
  ]).filter((id) => !ids.has(id));
  expect(unknown).toEqual([]);
});
