/**
 * What each of five vLLM versions makes of every other one's recorded frames: by our tables the same as recorded from the
 * versions' own decoders.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type CrossVerdict,
  crossDecode,
  TYPED_MESSAGE_KINDS,
  type TypedMessage,
} from '../../src/shared/protocol/compat/cross-decode.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import type { WireSample } from '../support/wire-meaning.ts';

interface Recorded {
  readonly ok: number;
  readonly fields_dropped: readonly string[];
  readonly misread: readonly string[];
  readonly rejected: readonly string[];
}

type Version = keyof typeof WIRE_VERSIONS;
type Compat = Readonly<Record<Version, Record<Version, Record<TypedMessage, Recorded>>>>;

const VERSIONS = Object.keys(WIRE_VERSIONS) as Version[];
const read = (path: string) =>
  JSON.parse(readFileSync(new URL(`./versions/${path}`, import.meta.url), 'utf8'));
const compat = read('compat.json').compat as Compat;

/** In the recording's words, without the sample's name; null for ok. */
function wordsOf(verdict: CrossVerdict): string | null {
  switch (verdict.verdict) {
    case 'ok':
      return null;
    case 'rejected':
      return `: ${verdict.error} ${verdict.words}`;
    case 'misread':
      return ` misread ${verdict.fields.join(',')}`;
    case 'fields_dropped': {
      // The recording counts what a message's own struct and positional structs lose.
      const names = verdict.fields.filter(({ isInMap }) => !isInMap).map(({ name }) => name);
      const unique = [...new Set(names)].sort();
      return unique.length === 0 ? null : ` (${unique.join(',')})`;
    }
  }
}

function recordedWords({ fields_dropped, misread, rejected }: Recorded, name: string) {
  const all = [...fields_dropped, ...misread, ...rejected];
  const entry = all.find((text) => text.startsWith(`${name}:`) || text.startsWith(`${name} `));
  return entry === undefined ? null : entry.slice(name.length);
}

const PAIRS = VERSIONS.flatMap((receiver) => VERSIONS.map((sender) => ({ receiver, sender })));

describe.each(PAIRS)('what vLLM $receiver makes of $sender', ({ receiver, sender }) => {
  const samples = read(`wire/${sender}.json`).samples as readonly WireSample[];

  it.each(TYPED_MESSAGE_KINDS)('%s', (kind) => {
    const recorded = compat[receiver][sender][kind];
    const ofKind = samples.filter((sample) => sample.kind === kind);
    expect(ofKind.length).toBeGreaterThan(0);
    let numOk = 0;
    for (const { name, frames } of ofKind) {
      const bytes = frames.map((frame) => Buffer.from(frame, 'hex'));
      const versions = { sender: WIRE_VERSIONS[sender], receiver: WIRE_VERSIONS[receiver] };
      const words = wordsOf(crossDecode(kind, bytes, versions));
      expect(`${name}${words ?? ' ok'}`).toBe(`${name}${recordedWords(recorded, name) ?? ' ok'}`);
      if (words === null) numOk += 1;
    }
    expect(numOk).toBeLessThanOrEqual(recorded.ok);
  });
});
