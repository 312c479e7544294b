import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recording } from '../../src/shared/tap/frame-line.ts';
import { goldenFrames } from '../support/golden-frames.ts';
import { writeGoldenRecording } from '../support/golden-recording.ts';
import { RunningProcess } from '../support/process.ts';
import { CLI_MAIN } from '../support/twin.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'frames-'));
  writeGoldenRecording(folder, 'dp2_moe');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function frames(...words: string[]) {
  const child = new RunningProcess(process.execPath, [CLI_MAIN, 'frames', ...words]);
  const { code } = await child.exited;
  return { code, stdout: child.stdout, log: child.log };
}

describe('vllm-twin frames', () => {
  it('draws a recording in 80 columns', async () => {
    const { code, stdout } = await frames(folder);
    expect(code).toBe(0);
    expect(stdout).toContain('EngineCoreReadyResponse');
    expect(stdout).toContain('kv_cache_size_tokens=1,040');
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
  });

  it('judges it, with 0 where all is well and 2 where there is no recording', async () => {
    expect(await frames(folder, '--check')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('all as vLLM 0.33.0 says it'),
    });
    const missing = await frames(join(folder, 'nothing'), '--check');
    expect(missing.code).toBe(2);
    expect(missing.log).toContain('cannot be read');
  });

  it('names the type that was meant, with exit code 2', async () => {
    const { code, log } = await frames(folder, '--type', 'HELO');
    expect(code).toBe(2);
    expect(log).toContain('did you mean HELLO?');
  });

  it('writes a page with the frames inside, and leaves no other file', async () => {
    const file = join(folder, 'page.html');
    expect((await frames(folder, '--html', file)).code).toBe(0);
    expect((await frames(folder, '--html', file)).code).toBe(0);
    const page = readFileSync(file, 'utf8');
    const [, json = ''] = /<script id="recording"[^>]*>(.*?)<\/script>/s.exec(page) ?? [];
    const recording = JSON.parse(json) as Recording;
    expect(recording.frames).toHaveLength(goldenFrames('dp2_moe').length);
    expect(readdirSync(folder).sort()).toEqual(['APIServer.ndjson', 'page.html']);
    const nowhere = await frames(folder, '--html', join(folder, 'no', 'page.html'));
    expect(nowhere).toMatchObject({ code: 2, log: expect.stringContaining('cannot be written') });
  });

  it('ends quietly when its reader has seen enough', async () => {
    const pipe = new RunningProcess('bash', [
      '-o',
      'pipefail',
      '-c',
      '"$1" "$2" frames "$3" --json | head -n 1',
      'bash',
      process.execPath,
      CLI_MAIN,
      folder,
    ]);
    expect(await pipe.exited).toEqual({ code: 0, signal: null });
    expect(JSON.parse(pipe.stdout)).toMatchObject({ seq: 1, type: 'HELLO' });
  });
});
