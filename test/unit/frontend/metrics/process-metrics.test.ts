import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createProcessFiguresReader,
  pageBytesOf,
  parseMaxFds,
  parseMemory,
} from '../../../../src/frontend/metrics/process-figures.ts';
import { ProcessMetrics } from '../../../../src/frontend/metrics/process-metrics.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { parseExposition } from '../../../support/exposition.ts';
import { renderExposition } from '../../../support/metrics.ts';

function createMetrics(): { metrics: ProcessMetrics; clock: VirtualClock } {
  const clock = new VirtualClock();
  let cpuSeconds = 1.5;
  const metrics = new ProcessMetrics(clock, () => ({
    virtualMemoryBytes: 4096,
    residentMemoryBytes: 1024,
    startTimeSeconds: 99,
    cpuSeconds: cpuSeconds++,
    openFds: 7,
    maxFds: 512,
  }));
  return { metrics, clock };
}

describe('process metrics', () => {
  it("have the names, types, help and order of Python's client", async () => {
    const { metrics } = createMetrics();
    metrics.update();
    const { body } = await renderExposition(metrics.families, false);
    const families = [...parseExposition(body).values()];
    expect(
      families.map(({ name, type, help, samples }) => [name, type, help, samples[0]?.value]),
    ).toEqual([
      ['process_virtual_memory_bytes', 'gauge', 'Virtual memory size in bytes.', 4096],
      ['process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', 1024],
      [
        'process_start_time_seconds',
        'gauge',
        'Start time of the process since unix epoch in seconds.',
        99,
      ],
      [
        'process_cpu_seconds_total',
        'counter',
        'Total user and system CPU time spent in seconds.',
        1.5,
      ],
      ['process_open_fds', 'gauge', 'Number of open file descriptors.', 7],
      ['process_max_fds', 'gauge', 'Maximum number of open file descriptors.', 512],
    ]);
  });

  it('are what the system says at the last update', () => {
    const { metrics, clock } = createMetrics();
    metrics.update();
    clock.advance(20);
    metrics.update();
    const children = metrics.families.map((family) => family.snapshot().children);
    expect(children.map((own) => own.length)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(children[3]?.[0]?.value).toBe(2.5);
    for (const index of [0, 1, 2, 4, 5])
      expect(children[index]?.[0]?.updatedMs).toBe(clock.wallMs());
  });
});

describe('the figures of this process', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it("are read from the process's folder; of the open files one is the reading itself", () => {
    const folder = mkdtempSync(join(tmpdir(), 'proc-'));
    folders.push(folder);
    mkdirSync(join(folder, 'fd'));
    for (const fd of ['0', '1', '2', '3']) writeFileSync(join(folder, 'fd', fd), '');
    writeFileSync(join(folder, 'statm'), '10 5 4');
    writeFileSync(join(folder, 'limits'), 'Max open files  99  100  files');
    expect(createProcessFiguresReader(folder)()).toMatchObject({
      virtualMemoryBytes: 40_960,
      residentMemoryBytes: 20_480,
      openFds: 3,
      maxFds: 99,
    });
    expect(createProcessFiguresReader(join(folder, 'none'))()).toMatchObject({
      virtualMemoryBytes: 0,
      openFds: 0,
      maxFds: 0,
    });
  });

  it('count the time of user and system together', () => {
    const seconds = (): number => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    };
    const before = seconds();
    const { cpuSeconds } = createProcessFiguresReader()();
    expect(cpuSeconds).toBeGreaterThanOrEqual(before);
    expect(cpuSeconds).toBeLessThanOrEqual(seconds());
  });

  it('are there', () => {
    const figures = createProcessFiguresReader()();
    expect(figures.startTimeSeconds).toBe(performance.timeOrigin / 1000);
    expect(figures.residentMemoryBytes).toBeGreaterThan(10e6);
  });

  it.runIf(process.platform === 'linux')('agree with each other on Linux', () => {
    const figures = createProcessFiguresReader()();
    expect(figures.virtualMemoryBytes).toBeGreaterThan(figures.residentMemoryBytes);
    expect(figures.openFds).toBeGreaterThan(2);
    expect(figures.maxFds).toBeGreaterThanOrEqual(figures.openFds);
  });

  it.runIf(process.platform === 'linux')('count each file that is open', () => {
    const read = createProcessFiguresReader();
    const before = read().openFds;
    const opened = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
    expect(read().openFds).toBe(before + 2);
    for (const fd of opened) closeSync(fd);
    expect(read().openFds).toBe(before);
  });

  it('count memory in pages of 4096 bytes', () => {
    expect(parseMemory('12 5 4 3 0 2 0\n')).toEqual({
      virtualPages: 12,
      residentPages: 5,
    });
  });

  it('count pages of the size that the system has', () => {
    for (const pageBytes of [4096, 16_384, 65_536]) {
      // Pages that came or went between the two readings.
      expect(pageBytesOf('900 500 400 3 0 2 0\n', 510 * pageBytes)).toBe(pageBytes);
      expect(pageBytesOf('900 500 400 3 0 2 0\n', 490 * pageBytes)).toBe(pageBytes);
    }
    expect(pageBytesOf('', 500 * 4096)).toBe(4096);
  });

  it('take the soft limit of open files', () => {
    const limits = [
      'Limit                     Soft Limit           Hard Limit           Units     ',
      'Of Max open files         7                    7                    files     ',
      'Max processes             100                  200                  processes ',
      'Max open files            1024                 1048576              files     ',
    ].join('\n');
    expect(parseMaxFds(limits)).toBe(1024);
  });

  it('are 0 where there is no /proc or no limit', () => {
    expect(parseMemory('')).toEqual({ virtualPages: 0, residentPages: null });
    expect(parseMaxFds('')).toBe(0);
    expect(
      parseMaxFds('Max open files            unlimited            unlimited            files'),
    ).toBe(0);
  });
});
