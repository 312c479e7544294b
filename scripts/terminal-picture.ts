/**
 * A terminal's session as an animated SVG: each line appears when its time has come, then all of it stands. Colours are
 * those of ANSI sequences; who wants no motion sees the whole at once.
 */

export interface TerminalLine {
  /** As the program wrote it, colour sequences included. */
  readonly text: string;
  /** Milliseconds from the begin. */
  readonly atMs: number;
}

export interface TerminalPicture {
  readonly title: string;
  readonly columns: number;
  readonly lines: readonly TerminalLine[];
}

const CHARACTER_WIDTH = 8.4;
const LINE_HEIGHT = 19;
const PADDING = 16;
const TITLE_HEIGHT = 34;
/** After the last line, before it begins anew. */
const REST_MS = 6_000;

const COLOURS: Readonly<Record<string, string>> = {
  30: '#484f58',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  37: '#c9d1d9',
  90: '#8b949e',
};

interface Span {
  readonly text: string;
  readonly colour: string | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
}

export function terminalPicture({ title, columns, lines }: TerminalPicture): string {
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * PADDING);
  const height = Math.ceil(lines.length * LINE_HEIGHT + 2 * PADDING + TITLE_HEIGHT);
  const totalMs = Math.max(0, ...lines.map(({ atMs }) => atMs)) + REST_MS;
  const rows = lines.map((line, index) => row(line, index));
  const rules = lines.map(({ atMs }, index) => appearance(index, atMs, totalMs));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9; white-space: pre; }
.t { fill: #8b949e; }
.l { animation: ${(totalMs / 1000).toFixed(1)}s step-end infinite; }
${rules.join('\n')}
@media (prefers-reduced-motion: reduce) { .l { animation: none; opacity: 1; } }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="20" cy="17" r="5" fill="#30363d"/><circle cx="38" cy="17" r="5" fill="#30363d"/><circle cx="56" cy="17" r="5" fill="#30363d"/>
<text class="t" x="${width / 2}" y="22" text-anchor="middle">${escapeXml(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function appearance(index: number, atMs: number, totalMs: number): string {
  const at = ((atMs / totalMs) * 100).toFixed(2);
  return `.l${index} { animation-name: a${index}; } @keyframes a${index} { 0% { opacity: 0; } ${at}%, 100% { opacity: 1; } }`;
}

function row({ text }: TerminalLine, index: number): string {
  const y = TITLE_HEIGHT + PADDING + index * LINE_HEIGHT;
  const spans = spansOf(text).map(({ text: piece, colour, isBold, isDim }) => {
    const style = [
      colour === null ? '' : ` fill="${colour}"`,
      isBold ? ' font-weight="600"' : '',
      isDim ? ' opacity="0.7"' : '',
    ].join('');
    return `<tspan${style}>${escapeXml(piece)}</tspan>`;
  });
  return `<text class="l l${index}" x="${PADDING}" y="${y}" xml:space="preserve">${spans.join('')}</text>`;
}

function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let colour: string | null = null;
  let isBold = false;
  let isDim = false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
  for (const piece of text.split(/(\u001b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
    const codes = /^\u001b\[([0-9;]*)m$/.exec(piece);
    if (codes === null) {
      if (piece !== '') spans.push({ text: piece, colour, isBold, isDim });
      continue;
    }
    for (const code of (codes[1] ?? '').split(';')) {
      if (code === '' || code === '0') [colour, isBold, isDim] = [null, false, false];
      else if (code === '1') isBold = true;
      else if (code === '2') isDim = true;
      else if (code === '22') [isBold, isDim] = [false, false];
      else if (code === '39') colour = null;
      else colour = COLOURS[code] ?? colour;
    }
  }
  return spans;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
