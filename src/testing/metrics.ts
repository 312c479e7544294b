/** What a scrape of /metrics held, to look things up in. Nothing is ever summed: each engine has its own samples. */
import { ClientError } from '../shared/errors.ts';
import {
  describeSample,
  hasLabels,
  type LabelMatch,
  parseSamples,
  type Sample,
} from '../shared/exposition.ts';
import type { SampleName } from './metric-name.ts';

/** Names that are told when there is no sample of the one that was asked for. */
const MAX_TOLD = 12;

export class Metrics {
  /** All of them, in the order of the page. */
  readonly samples: readonly Sample[];
  /** The page as it came. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
    this.samples = parseSamples(text);
  }

  /** The value of the one sample with this name and these labels. Throws where there is none, or more than one. */
  value(name: SampleName, labels: LabelMatch = {}): number {
    return this.one(name, labels).value;
  }

  /** The one sample with this name and these labels, e.g. for its other labels. Throws where there is none, or several. */
  one(name: SampleName, labels: LabelMatch = {}): Sample {
    const found = this.all(name, labels);
    const [sample] = found;
    if (sample !== undefined && found.length === 1) return sample;
    throw new ClientError(
      'E_NOT_FOUND',
      found.length === 0 ? this.describeMissing(name, labels) : describeSeveral(name, found),
    );
  }

  /** Every sample with this name and these labels; none is an empty list. */
  all(name: SampleName, labels: LabelMatch = {}): readonly Sample[] {
    return this.samples.filter((sample) => sample.name === name && hasLabels(sample, labels));
  }

  /** Why there is no such sample: which there are of that name, or which names are near it. */
  describeMissing(name: string, labels: LabelMatch = {}): string {
    const wanted = describeSample({ name, labels });
    const ofName = this.samples.filter((sample) => sample.name === name);
    if (ofName.length > 0) return `no sample ${wanted}; there are ${listOf(ofName)}`;
    const stem = name.replace(/^vllm:|_(total|bucket|sum|count)$/g, '');
    const near = [...new Set(this.samples.map((sample) => sample.name))].filter((known) =>
      known.includes(stem),
    );
    const hint = near.length === 0 ? '' : `; did you mean ${near.slice(0, MAX_TOLD).join(', ')}?`;
    return `no sample ${wanted}${hint}`;
  }
}

function describeSeveral(name: string, found: readonly Sample[]): string {
  return `${found.length} samples of ${name} fit, which are never summed: name one by its labels: ${listOf(found)}`;
}

function listOf(samples: readonly Sample[]): string {
  const told = samples.slice(0, MAX_TOLD).map(describeSample).join(', ');
  return samples.length > MAX_TOLD ? `${told} and ${samples.length - MAX_TOLD} more` : told;
}
