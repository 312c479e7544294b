/** Prometheus' text format and OpenMetrics, as far as samples go. Pure. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Only the samples of a name, where there is one: the rest is not taken apart. */
export function parseSamples(text: string, only?: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (only !== undefined && !line.startsWith(only)) continue;
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    const name = match?.[1] ?? '';
    if (match === null || (only !== undefined && name !== only)) continue;
    const labels: Record<string, string> = {};
    for (const [, label = '', value = ''] of (match[2] ?? '').matchAll(LABEL))
      labels[label] = value.replace(/\\(n|.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    samples.push({ name, labels, value: numberOf(match[3] ?? '') });
  }
  return samples;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Every label that is asked for has that value; others may be there. */
export function fits({ labels }: Sample, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** `name{engine="0"}`. */
export function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return shown.length === 0 ? name : `${name}{${shown.join(',')}}`;
}
