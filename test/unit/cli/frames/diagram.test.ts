import { describe, expect, it } from 'vitest';
import { Diagram } from '../../../../src/cli/frames/diagram.ts';
import { PLAIN_PALETTE } from '../../../../src/cli/text-layout.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../../../src/shared/tap/dissector.ts';
import type { FrameLine } from '../../../../src/shared/tap/frame-line.ts';
import { goldenFrames } from '../../../support/golden-frames.ts';

const dissector = createDissector(WIRE_VERSIONS['0.33.0']);

function goldenLines(run: string): readonly FrameLine[] {
  return goldenFrames(run).map(({ frame, process }, index) =>
    dissector.line(frame, { process, tMs: index }),
  );
}

function drawn(lines: readonly FrameLine[], width = 80, processes = ['APIServer']): string[] {
  const diagram = new Diagram(processes, width, PLAIN_PALETTE);
  return [...lines.flatMap((line) => [...diagram.add(line)]), ...diagram.end()];
}

describe('the sequence diagram', () => {
  const lines = goldenLines('dp2_moe');

  it('has a lane a process, frontends first, and the states of engines in the margin', () => {
    const text = drawn(lines);
    expect(text[0]).toMatch(/ms +state +API +E?.*0 .*1$/);
    expect(text[1]).toMatch(/^ +0\.00 +NEW +│◀─+│ +HELLO/);
    const states = text
      .map((line) => line.slice(11, 21).trim())
      .filter((word) => /^[A-Z]+$/.test(word));
    expect(states).toEqual(['NEW', 'CONNECTED', 'NEW', 'CONNECTED', 'READY', 'READY']);
  });

  it('tells the facts that matter', () => {
    const text = drawn(lines).join('\n');
    expect(text).toContain('kv_cache_size_tokens=1,040  num_gpu_blocks=65');
    expect(text).toContain('request_id=d0  prompt_token_ids=50');
  });

  it.each([60, 80, 132])('is never wider than %d columns', (width) => {
    const many = Array.from({ length: 16 }, (_, rank) => ({
      ...(lines[0] as FrameLine),
      peer: rank,
    }));
    for (const line of [...drawn(lines, width), ...drawn(many, width)])
      expect([...line].length).toBeLessThanOrEqual(width);
  });

  it('says how many processes share a lane where not all fit', () => {
    const many = Array.from({ length: 16 }, (_, rank) => ({
      ...(lines[0] as FrameLine),
      peer: rank,
    }));
    const text = drawn(many);
    expect(text[0]).toMatch(/\+\d+$/);
    expect(text[1]).toMatch(/^the last lane stands for \d+ processes/);
  });

  it('draws what both ends recorded once', () => {
    const [hello] = lines as [FrameLine];
    const sent: FrameLine = {
      ...hello,
      process: 'EngineCore_DP1',
      direction: 'send',
      peer: null,
      t_ms: 0,
    };
    const text = drawn([sent, { ...hello, t_ms: 1 }], 80, ['APIServer', 'EngineCore_DP1']);
    expect(text.filter((line) => line.includes('HELLO'))).toHaveLength(1);
  });

  it('writes lines before the last frame is known', () => {
    const diagram = new Diagram(['APIServer'], 80, PLAIN_PALETTE);
    const early = Array.from({ length: 100 }, () => lines)
      .flat()
      .flatMap((line, index) => [...diagram.add({ ...line, t_ms: index * 1000 })]);
    expect(early.length).toBeGreaterThan(2_000);
  });
});
