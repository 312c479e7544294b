/** A small reader of Prometheus text, so that expositions are compared as samples and not as text. */

/** As it was scraped, or as the frontend's metrics give it. */
type Text = string | Buffer;

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseExposition(text: Text): ReadonlyMap<string, ParsedFamily> {
  const families = new Map<
    string,
    { name: string; type: string; help: string; samples: ParsedSample[] }
  >();
  let current: { name: string; type: string; help: string; samples: ParsedSample[] } | undefined;
  for (const line of text.toString().split('\n')) {
    const meta = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line);
    if (meta !== null) {
      const [, kind, name = '', rest = ''] = meta;
      if (current?.name !== name) {
        current = { name, type: '', help: '', samples: [] };
        if (families.has(name)) throw new Error(`family ${name} stands twice`);
        families.set(name, current);
      }
      if (kind === 'HELP') current.help = rest;
      else current.type = rest;
      continue;
    }
    if (line === '' || line === '# EOF') continue;
    if (current === undefined) throw new Error(`sample without a family: ${line}`);
    current.samples.push(parseSample(line));
  }
  return families;
}

function parseSample(line: string): ParsedSample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name = '', labelText = '', value = ''] = match;
  const labels: Record<string, string> = {};
  for (const [, key = '', quoted = ''] of labelText.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g))
    labels[key] = quoted.replaceAll('\\n', '\n').replaceAll('\\"', '"').replaceAll('\\\\', '\\');
  return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
}

/** `name{a="x",b="y"}` with the labels in alphabetical order. */
export function sampleKey({ name, labels }: ParsedSample): string {
  const parts = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}="${value}"`);
  return `${name}{${parts.join(',')}}`;
}

export function samplesByKey(text: Text): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const family of parseExposition(text).values())
    for (const sample of family.samples) samples.set(sampleKey(sample), sample.value);
  return samples;
}
