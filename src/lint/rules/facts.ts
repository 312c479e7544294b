/** What is certain of an expression's result against one version of vLLM; where anything may be, so it says. */
import type {
  CatalogueFamily,
  MetricCatalogue,
} from '../../shared/metric-catalogue/metric-catalogue.ts';
import { ANY, type Interval } from './interval.ts';
import { ANY_LABELS, type LabelSet } from './label-set.ts';

export interface Facts {
  /** It has no series, whatever runs. */
  readonly isEmpty: boolean;
  /** A number, which takes part in every comparison; no vector. */
  readonly isScalar: boolean;
  readonly labels: LabelSet;
  readonly values: Interval;
  /** The family whose figures these are, as long as it is one. */
  readonly family: CatalogueFamily | null;
}

export const UNKNOWN: Facts = {
  isEmpty: false,
  isScalar: false,
  labels: ANY_LABELS,
  values: ANY,
  family: null,
};

/** Against what a query is judged. */
export interface Against {
  readonly catalogue: MetricCatalogue;
  readonly features: ReadonlySet<string>;
  /** Names that rules record. */
  readonly recorded: ReadonlySet<string>;
  /** Of them, those that nothing is recorded for. */
  readonly emptied: ReadonlySet<string>;
  /** Whether names without vLLM's prefix, `http_requests_total` and its like, are taken for vLLM's. */
  readonly ownsCommonNames: boolean;
}
