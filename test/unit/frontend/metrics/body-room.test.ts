import { describe, expect, it } from 'vitest';
import { BodyRoom } from '../../../../src/frontend/metrics/body-room.ts';

const join = (room: BodyRoom, ...texts: readonly string[]) =>
  room.join(texts.map((text) => Buffer.from(text)));

describe('BodyRoom', () => {
  it('writes a body in the place of one that was released', () => {
    const room = new BodyRoom();
    const first = join(room, 'a 1\n', 'b 2\n');
    first.release();
    const second = join(room, 'a 3\n', 'b 4\n');
    expect(second.body.toString()).toBe('a 3\nb 4\n');
    expect(second.body.buffer).toBe(first.body.buffer);
    expect(second.body.byteOffset).toBe(first.body.byteOffset);
  });

  it('leaves a body as it is that is still read, also where a later one is released', () => {
    const room = new BodyRoom();
    const slow = join(room, 'a 1\n');
    join(room, 'a 2\n').release();
    slow.release();
    const last = join(room, 'a 3\n');
    expect(slow.body.toString()).toBe('a 1\n');
    expect(last.body.toString()).toBe('a 3\n');
  });

  it('has room for longer bodies, and shows shorter ones without what stood behind', () => {
    const room = new BodyRoom();
    join(room, 'a 1\n').release();
    const long = join(room, 'a 1\n', 'b 123456789\n');
    expect(long.body.toString()).toBe('a 1\nb 123456789\n');
    long.release();
    expect(join(room, 'a 1\n').body.toString()).toBe('a 1\n');
  });
});
