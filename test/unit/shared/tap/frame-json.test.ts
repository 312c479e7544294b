import { describe, expect, it } from 'vitest';
import { FrameLineWriter } from '../../../../src/shared/tap/frame-json.ts';
import { toRawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import { readRecordingLine } from '../../../../src/shared/tap/recording-format.ts';
import { tappedFrame } from '../../../support/tapped.ts';

const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

describe('a line of a recording', () => {
  it.each([
    ['an abort', {}],
    ['a frame without an identity', { identity: null, direction: 'receive' as const }],
    ['all bytes there are', { parts: [bytes, bytes.subarray(3, 7), new Uint8Array()] }],
    ['no parts', { parts: [] }],
    ['empty parts only', { parts: [new Uint8Array(), new Uint8Array()] }],
    [
      'an address that JSON escapes',
      {
        socket: {
          name: 'output' as const,
          type: 'PULL' as const,
          address: 'ipc:///tmp/"é\\\n日本😀\u007f/output',
        },
      },
    ],
  ])('says of %s what toRawFrame says', (_, changes) => {
    const frame = tappedFrame({ seq: 41, monotonicMs: 123_456.789, ...changes });
    const line = new FrameLineWriter().lineOf(frame);
    expect(JSON.parse(line)).toEqual(toRawFrame(frame));
    expect(readRecordingLine(line)).toEqual(toRawFrame(frame));
    expect(line).toMatch(/^[\x20-\x7e]*\n$/);
  });
});
