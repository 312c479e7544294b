/** Prometheus' text format as a page needs it: families with their samples. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Growing extends Family {
  samples: Sample[];
  type: string;
  help: string;
}

const SUFFIX = /_(?:bucket|sum|count|created|total)$/;

export function parseExposition(text: string): readonly Family[] {
  const families = new Map<string, Growing>();
  const familyOf = (name: string): Growing => {
    let family = families.get(name);
    if (family === undefined) {
      family = { name, type: 'untyped', help: '', samples: [] };
      families.set(name, family);
    }
    return family;
  };
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line);
    if (comment !== null) {
      const family = familyOf(comment[2] ?? '');
      if (comment[1] === 'TYPE') family.type = comment[3] ?? '';
      else family.help = comment[3] ?? '';
      continue;
    }
    const sample = line === '' || line.startsWith('#') ? null : parseSample(line);
    if (sample === null) continue;
    const base = sample.name.replace(SUFFIX, '');
    const owner = [sample.name, base, `${base}_total`].find((name) => families.has(name));
    familyOf(owner ?? sample.name).samples.push(sample);
  }
  return [...families.values()].filter(({ samples }) => samples.length > 0);
}

function parseSample(line: string): Sample | null {
  const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
  if (match === null) return null;
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[name] = value.replace(/\\(n|.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  return { name: match[1] ?? '', labels, value: numberOf(match[3] ?? '') };
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** `{engine="0",le="0.5"}`; nothing where there is no label. */
export function labelText(labels: Sample['labels'], ...without: readonly string[]): string {
  const shown = Object.entries(labels).filter(([name]) => !without.includes(name));
  if (shown.length === 0) return '';
  return `{${shown.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`;
}
