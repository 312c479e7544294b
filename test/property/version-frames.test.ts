/** Recorded frames of every version, spoilt: its codec decodes them or throws E_BAD_FRAME, whatever they are. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/shared/errors.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';

const VERSIONS = Object.keys(WIRE_VERSIONS) as (keyof typeof WIRE_VERSIONS)[];

/** Headers that announce more than there is, values of odd types, keys that are lists. */
const PIECES = [
  'ddffffffff',
  'dfffffffff',
  'c6ffffffff',
  'dbffffffff',
  'c9ffffffff01',
  'dcffff',
  'deffff',
  'c1',
  'c0',
  'c2',
  '90',
  '80',
  'cfffffffffffffffff',
  'd38000000000000000',
  'cb7ff8000000000000',
  '8191cf100000000000000001',
  '91'.repeat(500),
  '81a161'.repeat(500),
].map((hex) => Buffer.from(hex, 'hex'));

function framesOf(version: string): readonly (readonly Buffer[])[] {
  const url = new URL(`../golden/versions/wire/${version}.json`, import.meta.url);
  const { samples } = JSON.parse(readFileSync(url, 'utf8')) as {
    readonly samples: readonly { readonly frames: readonly string[] }[];
  };
  return samples.map(({ frames }) => frames.map((hex) => Buffer.from(hex, 'hex')));
}

const ALL = VERSIONS.flatMap(framesOf);

const spoilt = fc.record({
  sample: fc.nat(ALL.length - 1),
  frame: fc.nat(3),
  at: fc.nat(2_000),
  /** Bytes that it replaces. */
  over: fc.nat(3),
  piece: fc.oneof(fc.nat(PIECES.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 })),
});

describe.each(VERSIONS)('the codec of vLLM %s', (version) => {
  const codec = createWireCodec(WIRE_VERSIONS[version]);
  const decoders = Object.entries(codec).filter(([name]) => name.startsWith('decode')) as [
    string,
    (frames: readonly Uint8Array[]) => unknown,
  ][];

  it('decodes spoilt frames of all versions, or refuses them', () => {
    let numDecoded = 0;
    fc.assert(
      fc.property(spoilt, ({ sample, frame, at, over, piece }) => {
        const frames = [...(ALL[sample] ?? [])];
        const place = frame % Math.max(1, frames.length);
        const target = frames[place] ?? Buffer.alloc(0);
        const start = at % (target.length + 1);
        const bytes = typeof piece === 'number' ? (PIECES[piece] ?? Buffer.alloc(0)) : piece;
        frames[place] = Buffer.concat([
          target.subarray(0, start),
          bytes,
          target.subarray(start + over),
        ]);
        for (const [, decode] of decoders) if (decodes(decode, frames)) numDecoded += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(numDecoded).toBeGreaterThan(0);
  });
});

function decodes(
  decode: (frames: readonly Uint8Array[]) => unknown,
  frames: readonly Uint8Array[],
): boolean {
  try {
    decode(frames);
    return true;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    expect(error.code).toBe('E_BAD_FRAME');
    return false;
  }
}
