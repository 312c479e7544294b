/** docs/img/memory-budget.svg: of each judged log what is neither weights nor KV cache, ours stacked, the logged as a mark. */
import { kvGib, type Replayed } from './budget-fit.ts';
import { loggedKvGib } from './gpu-logs.ts';

const GIB = 2 ** 30;
const WIDTH = 900;
const LEFT = 330;
const RIGHT = 870;
const TOP = 70;
const ROW_HEIGHT = 34;
const MOST_GIB = 9;

/** Told apart by readers who do not see colours as others do (Okabe and Ito). */
const PARTS = [
  { name: 'stays: kernels, buffers, sampler state', colour: '#0072b2' },
  { name: 'peak of the profiling pass', colour: '#e69f00' },
  { name: 'estimate of the CUDA graphs', colour: '#009e73' },
] as const;
const LOGGED = '#d55e00';

export function budgetPlot(logs: readonly Replayed[]): string {
  const rows = logs.map((one, i) => rowOf(one, TOP + ROW_HEIGHT * i));
  const bottom = TOP + ROW_HEIGHT * logs.length;
  const height = bottom + 56;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    '<title>Memory that is neither weights nor KV cache: logged by real GPUs, and ours</title>',
    '<style>text { font: 13px system-ui, sans-serif; fill: #24292f; } .s { fill: #57606a; font-size: 12px; }</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...legend(),
    ...axis(bottom),
    ...rows,
    '</svg>',
  ].join('\n')}\n`;
}

function x(gib: number): number {
  const inside = Math.min(Math.max(gib, 0), MOST_GIB);
  return Math.round(10 * (LEFT + (inside / MOST_GIB) * (RIGHT - LEFT))) / 10;
}

function legend(): string[] {
  const places = [20, 320, 545];
  const parts = PARTS.map(
    ({ name, colour }, i) =>
      `<rect x="${places[i]}" y="16" width="14" height="14" fill="${colour}"/><text x="${(places[i] ?? 0) + 20}" y="28">${name}</text>`,
  );
  return [
    ...parts,
    `<circle cx="777" cy="23" r="6" fill="${LOGGED}" stroke="#ffffff"/><text x="790" y="28">logged</text>`,
    `<text class="s" x="20" y="52">The line through a mark is 6 % of the logged KV cache memory to either side.</text>`,
  ];
}

function axis(bottom: number): string[] {
  return Array.from({ length: MOST_GIB + 1 }, (_, gib) => [
    `<line x1="${x(gib)}" y1="${TOP}" x2="${x(gib)}" y2="${bottom}" stroke="#d0d7de"/>`,
    `<text class="s" x="${x(gib)}" y="${bottom + 18}" text-anchor="middle">${gib}</text>`,
  ])
    .flat()
    .concat(
      `<text class="s" x="${(LEFT + RIGHT) / 2}" y="${bottom + 40}" text-anchor="middle">GiB neither weights nor KV cache</text>`,
    );
}

function rowOf(one: Replayed, top: number): string {
  const { log, budget } = one;
  const middle = top + ROW_HEIGHT / 2;
  const sizes = [budget.nonTorchBytes, budget.peakActivationBytes, budget.cudaGraphBytes];
  let from = 0;
  const bars = sizes.map((bytes, i) => {
    const to = from + bytes / GIB;
    const bar = `<rect x="${x(from)}" y="${middle - 9}" width="${(x(to) - x(from)).toFixed(1)}" height="18" fill="${PARTS[i]?.colour}"/>`;
    from = to;
    return bar;
  });
  const ours = sizes.reduce((sum, bytes) => sum + bytes, 0) / GIB;
  const marks = loggedKvGib(log).map((logged) => mark(ours + kvGib(one) - logged, logged, middle));
  const name = `${log.id.replace('public ', '')}: ${log.model.split('/').at(-1)}, ${log.gpu.name}`;
  return [`<text x="20" y="${middle + 5}">${name}</text>`, ...bars, ...marks].join('\n');
}

/** A start's own number, and how far ours may be from it. */
function mark(gib: number, kv: number, middle: number): string {
  const reach = 0.06 * kv;
  return (
    `<line x1="${x(gib - reach)}" y1="${middle}" x2="${x(gib + reach)}" y2="${middle}" stroke="${LOGGED}" stroke-width="2"/>` +
    `<circle cx="${x(gib)}" cy="${middle}" r="6" fill="${LOGGED}" stroke="#ffffff"/>`
  );
}
