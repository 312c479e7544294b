import { describe, expect, it } from 'vitest';
import { readFramesSettings } from '../../../../src/cli/frames/settings.ts';

function settings(flags: Readonly<Record<string, readonly string[]>>, paths = ['DIR']) {
  return readFramesSettings({ positionals: paths, flags: new Map(Object.entries(flags)) });
}

describe('the flags of frames', () => {
  it('take types, engines and processes, parted by commas or repeated', () => {
    const { filter } = settings({
      type: ['hello,INIT', 'READY'],
      engine: ['0', '3,4'],
      process: ['EngineCore_DP0'],
    });
    expect([...filter.types]).toEqual(['HELLO', 'INIT', 'READY']);
    expect([...filter.engines]).toEqual([0, 3, 4]);
    expect([...filter.processes]).toEqual(['EngineCore_DP0']);
  });

  it('name the types, and the closest one, where a type is unknown', () => {
    expect(() => settings({ type: ['OUTPUT'] })).toThrow(
      "--type 'OUTPUT': no such type (did you mean OUTPUTS?); one of HELLO, INIT,",
    );
  });

  it('take moments from the start and of the wall clock', () => {
    const { filter } = settings({ since: ['250.5'], until: ['2026-01-31T12:00:00Z'] });
    expect(filter.since).toEqual({ tMs: 250.5 });
    expect(filter.until).toEqual({ wallMs: Date.parse('2026-01-31T12:00:00Z') });
    expect(() => settings({ since: ['soon'] })).toThrow("--since 'soon': must be milliseconds");
  });

  it('refuse a time without any moment', () => {
    expect(() => settings({ since: ['500'], until: ['100'] })).toThrow('--since is after --until');
    const days = { since: ['2026-02-01'], until: ['2026-01-31'] };
    expect(() => settings(days)).toThrow('--since is after --until');
    expect(settings({ since: ['100'], until: ['100'] }).filter.until).toEqual({ tMs: 100 });
  });

  it('refuse what does not go together', () => {
    expect(() => settings({ full: ['true'], check: ['true'] })).toThrow('--full and --check');
    expect(() => settings({ html: ['x.html'], json: ['true'] })).toThrow('--json and --html');
    expect(() => settings({ check: ['true'], engine: ['1'] })).toThrow('whole recordings');
    expect(() => settings({ engine: ['-1'] })).toThrow("--engine '-1': must be a rank");
    expect(() => settings({}, [])).toThrow('frames: expects PATH');
  });

  it('make a JSON verdict of --check --json', () => {
    expect(settings({ check: ['true'], json: ['true'] })).toMatchObject({
      output: 'check',
      json: true,
    });
  });
});
