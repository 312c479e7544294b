/** Samples of a Prometheus text exposition, as whoever looks at /metrics reads them. Pure. */

export interface Sample {
  /** As it stands on the line: `vllm:num_preemptions_total`, `vllm:time_to_first_token_seconds_bucket`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };
const INFINITIES: Readonly<Record<string, number>> = {
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

/** In the order of the text; lines that are no samples (comments, what a fault has cut off) are left out. */
export function parseSamples(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith('#') ? null : SAMPLE.exec(line);
    if (match === null) return [];
    const [, name = '', labels = '', value = ''] = match;
    return [{ name, labels: labelsOf(labels), value: INFINITIES[value] ?? Number(value) }];
  });
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const pairs = [...text.matchAll(LABEL)].map(([, key = '', quoted = '']) => [
    key,
    quoted.replace(/\\(.)/g, (whole, character: string) => ESCAPED[character] ?? whole),
  ]);
  return Object.fromEntries(pairs);
}

/** `name{a="x",b="y"}`, for people. */
export function describeSample({ name, labels }: Omit<Sample, 'value'>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
