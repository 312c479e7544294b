/** Which values a label of vLLM can have. */

import type { CatalogueFamily } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { CACHE_CONFIG_INFO } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import type { Against } from './facts.ts';

export type KnownValues =
  /** All that there are. */
  | { readonly kind: 'closed'; readonly values: readonly string[] }
  /** As many as may be, of one form. */
  | {
      readonly kind: 'form';
      readonly isOne: (value: string) => boolean;
      /** What they are, in words. */
      readonly words: string;
    };

/** Null: any value may be. */
export function valuesOf(
  label: string,
  family: CatalogueFamily,
  series: string,
  against: Against,
): KnownValues | null {
  if (label === 'le' && series === `${family.name}_bucket`) return boundsOf(family, against);
  if (label === 'engine') return ENGINES;
  if (label === 'position') return POSITIONS;
  if (family.name.startsWith('http_')) return HTTP_VALUES[label] ?? null;
  if (family.name === CACHE_CONFIG_INFO)
    return isSwitch(against.catalogue.cacheConfigInfoValues[label]) ? SWITCH : null;
  const values = family.labelValues[label] ?? [];
  return values.length === 0 ? null : { kind: 'closed', values };
}

const isSwitch = (value: string | undefined): boolean => value === 'True' || value === 'False';

/** Python writes what is on or off. */
const SWITCH: KnownValues = { kind: 'closed', values: ['True', 'False'] };

const isIndex = (value: string): boolean => /^(?:0|[1-9]\d*)$/.test(value);
const ENGINES: KnownValues = { kind: 'form', isOne: isIndex, words: "an engine's index from 0" };
const POSITIONS: KnownValues = { kind: 'form', isOne: isIndex, words: 'a position from 0' };

/**
 * Searched for in a path, so `/load` leaves `/v1/load_lora_adapter` out too.
 * Source: vllm/entrypoints/serve/instrumentator/metrics.py attach_router (0.33.0)
 */
const EXCLUDED_HANDLERS = ['/metrics', '/health', '/load', '/ping', '/version', '/server_info'];

/** Source: prometheus-fastapi-instrumentator, whose defaults vLLM leaves as they are. */
const HTTP_VALUES: Readonly<Record<string, KnownValues>> = {
  status: { kind: 'closed', values: ['1xx', '2xx', '3xx', '4xx', '5xx'] },
  method: {
    kind: 'closed',
    values: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'],
  },
  handler: {
    kind: 'form',
    isOne: (value) =>
      value === 'none' ||
      (value.startsWith('/') && !EXCLUDED_HANDLERS.some((path) => value.includes(path))),
    words: `a path that is counted (not those with ${EXCLUDED_HANDLERS.join(', ')}), or none`,
  },
};

function boundsOf(family: CatalogueFamily, { features }: Against): KnownValues {
  const { buckets, bucketsDependOn, isOutsideStatLogger } = family;
  const isCustom = features.has('custom-buckets') && !isOutsideStatLogger;
  if (isCustom) return { kind: 'form', isOne: isWritten, words: 'a bound as Python writes it' };
  if (bucketsDependOn !== null)
    return {
      kind: 'form',
      isOne: isOf125,
      words: '1, 2 or 5 times a power of ten, up to max_model_len',
    };
  return { kind: 'closed', values: [...(buckets ?? []).map(writtenBound), '+Inf'] };
}

const isWritten = (value: string): boolean =>
  value === '+Inf' || (value !== '' && writtenBound(Number(value)) === value);

const isOf125 = (value: string): boolean =>
  value === '+Inf' || (/^[125]0*\.0$|^[125]e\+\d\d$/.test(value) && isWritten(value));

/** As prometheus_client writes a bound: 120 is 120.0, a million 1e+06. Source: prometheus_client/utils.py floatToGoString */
export function writtenBound(bound: number): string {
  if (!Number.isFinite(bound)) return bound > 0 ? '+Inf' : bound < 0 ? '-Inf' : 'NaN';
  const text = pythonFloatRepr(bound);
  const dot = text.indexOf('.');
  if (bound <= 0 || dot <= LONGEST_PLAIN) return text;
  const mantissa = `${text[0]}.${text.slice(1, dot)}${text.slice(dot + 1)}`.replace(/[0.]+$/, '');
  return `${mantissa}e+${String(dot - 1).padStart(2, '0')}`;
}

const LONGEST_PLAIN = 6;
