/** Samples of a Prometheus text exposition or OpenMetrics, as whoever looks at /metrics reads them. Pure. */

export interface Sample {
  /** As it stands on the line: `vllm:num_preemptions_total`, `vllm:time_to_first_token_seconds_bucket`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Labels that a sample must have; it may have others. `engine: 1` is `engine="1"`. */
export type LabelMatch = Readonly<Record<string, string | number>>;

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };
const INFINITIES: Readonly<Record<string, number>> = {
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

/**
 * In the order of the text; lines that are no samples (comments, what a fault has cut off) are left out. With `only` those
 * of that name: the rest of the text is not taken apart.
 */
export function parseSamples(text: string, only?: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    if (only !== undefined && !line.startsWith(only)) return [];
    const match = line.startsWith('#') ? null : SAMPLE.exec(line);
    if (match === null) return [];
    const [, name = '', labels = '', value = ''] = match;
    if (only !== undefined && name !== only) return [];
    return [{ name, labels: labelsOf(labels), value: INFINITIES[value] ?? Number(value) }];
  });
}

/** A sample as a server writes it: a timestamp, and OpenMetrics' exemplar, may stand behind the value. */
const SAMPLE_LINE =
  /^[a-zA-Z_:][\w:]*(?:\{.*\})?[ \t]+[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|inf|nan)(?:[ \t]+-?[\d.]+)?[ \t]*(?:#.*)?$/i;

/**
 * Whether the line is a whole sample, which `parseSamples` does not ask. Source: prometheus/docs
 * content/docs/instrumenting/exposition_formats.md.
 */
export function isSampleLine(line: string): boolean {
  return SAMPLE_LINE.test(line);
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const pairs = [...text.matchAll(LABEL)].map(([, key = '', quoted = '']) => [
    key,
    quoted.replace(/\\(.)/g, (whole, character: string) => ESCAPED[character] ?? whole),
  ]);
  return Object.fromEntries(pairs);
}

export function hasLabels({ labels }: Pick<Sample, 'labels'>, wanted: LabelMatch): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === `${value}`);
}

/** `name{a="x",b="y"}`, for people. */
export function describeSample({
  name,
  labels,
}: {
  readonly name: string;
  readonly labels: LabelMatch;
}): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}=${JSON.stringify(`${value}`)}`,
  );
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}
