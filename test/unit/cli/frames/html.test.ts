import { describe, expect, it } from 'vitest';
import { PageFrames } from '../../../../src/cli/frames/html.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../../../src/shared/tap/dissector.ts';
import type { Recording } from '../../../../src/shared/tap/frame-line.ts';
import { goldenFrames } from '../../../support/golden-frames.ts';

const TEMPLATE =
  '<html><body><script id="recording" type="application/json"></script><script>1</script></body></html>';
const dissector = createDissector(WIRE_VERSIONS['0.33.0']);
const details = goldenFrames('dp1').map(({ frame, process }, index) =>
  dissector.detail(frame, { process, tMs: index, n: index + 1 }),
);

function recordingOf(page: string): Recording {
  const [, json = ''] =
    /<script id="recording" type="application\/json">(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(json) as Recording;
}

describe('the page of a recording', () => {
  it('has all frames inside, in order, under the schema that the page reads', () => {
    const frames = new PageFrames();
    for (const detail of details) frames.add(detail);
    const recording = recordingOf(frames.page(TEMPLATE, 'DIR', '0.31.0'));
    expect(recording).toMatchObject({
      schema: 'vllm-twin.recording/1',
      title: 'DIR',
      vllm_version: '0.31.0',
      num_left_out: 0,
    });
    expect(recording.frames).toEqual(details);
  });

  it('counts what it leaves out for its size', () => {
    const byNumber = new PageFrames(10);
    const bySize = new PageFrames(1_000, 5_000);
    for (const detail of details) {
      byNumber.add(detail);
      bySize.add(detail);
    }
    expect([byNumber.numFrames, byNumber.numLeftOut]).toEqual([10, details.length - 10]);
    expect(bySize.numFrames + bySize.numLeftOut).toBe(details.length);
    expect(bySize.numLeftOut).toBeGreaterThan(0);
    expect(recordingOf(byNumber.page(TEMPLATE, '', '0.33.0')).num_left_out).toBe(
      details.length - 10,
    );
  });

  it('lets no text of a frame end its script', () => {
    const frames = new PageFrames();
    const hostile = '</script><script>alert(1)</script><!--';
    const [detail] = details;
    if (detail === undefined) throw new Error('no frame');
    frames.add({ ...detail, message: { request_id: hostile } });
    const page = frames.page(TEMPLATE, hostile, '0.33.0');
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain('<!--');
    expect(recordingOf(page).title).toBe(hostile);
    expect(recordingOf(page).frames[0]?.message).toEqual({ request_id: hostile });
  });
});
