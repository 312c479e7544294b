/** A line is read without the checks of the whole view: whatever the bytes, both show the same message. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../src/shared/tap/dissector.ts';
import type { RawFrame } from '../../src/shared/tap/raw-frame.ts';

const { samples } = JSON.parse(
  readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'),
) as { readonly samples: readonly { readonly kind: string; readonly frames: readonly string[] }[] };
const outputs = samples
  .filter(({ kind, frames }) => kind === 'OUTPUT' && frames.length === 1)
  .map(({ frames }) => Buffer.from(frames[0] ?? '', 'hex'));

describe('a frame whose bytes are damaged', () => {
  it('has the same message as a line as in full', () => {
    const dissector = createDissector(WIRE_VERSIONS['0.33.0']);
    expect(outputs.length).toBeGreaterThan(3);
    fc.assert(
      fc.property(
        fc.nat(outputs.length - 1),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
        (which, damages) => {
          const bytes = Buffer.from(outputs[which] ?? []);
          for (const [at, value] of damages) if (at < bytes.length) bytes[at] = value;
          const frame: RawFrame = {
            seq: 1,
            monotonic_ms: 0,
            socket: 'output',
            socket_type: 'PULL',
            address: 'x',
            direction: 'receive',
            peer: 0,
            type: 'OUTPUTS',
            identity: null,
            parts: [bytes.toString('base64')],
          };
          expect(dissector.line(frame, { process: 'a', tMs: 0 }).message).toEqual(
            dissector.dissect(frame).message,
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});
