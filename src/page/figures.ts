/** How figures are written on the page. */

/** `654,288`. */
export function withCommas(value: number): string {
  return value.toLocaleString('en-US');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `79.10 GiB`; below a KiB whole bytes. */
export function inBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(2)} ${UNITS[unit]}`;
}

/** `12.3 %`, of a share from 0 to 1. */
export function inPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `8.31 ms`, `1.20 s`. */
export function inTime(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(2)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
