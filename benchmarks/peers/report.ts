/** What is printed and recorded of the rows. */
import type { Bound, Measured, RowResult } from './row.ts';
import { medianOf, type Summary, summaryOf } from './sample.ts';

const NAME_WIDTH = 24;

export function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

const range = ({ min, max }: Summary): string => `${number(min)}-${number(max)}`;
const valuesOf = ({ samples }: Measured): readonly number[] => samples.map(({ value }) => value);

export interface Comparison extends Bound {
  /** The twin's value by the other's of the same round, or by itself; the median of the rounds and their range. */
  readonly value: Summary;
}

/** One a bound whose servers were both measured. */
export function comparisonsOf({ measured, bounds }: RowResult): readonly Comparison[] {
  const twin = measured.find(({ peer }) => peer === 'twin');
  if (twin === undefined) return [];
  const other = measured.find(({ peer }) => peer === 'other build');
  const all: readonly Bound[] =
    other === undefined ? bounds : [...bounds, { against: 'other build', aim: null, met: null }];
  return all.flatMap((bound) => {
    if (bound.against === null) return [{ ...bound, value: summaryOf(valuesOf(twin)) }];
    const against = measured.find(({ peer }) => peer === bound.against);
    if (against === undefined) return [];
    const ratios = valuesOf(twin).map(
      (value, round) => value / (against.samples[round]?.value ?? Number.NaN),
    );
    return [{ ...bound, value: summaryOf(ratios) }];
  });
}

function verdictOf({ aim, met, value, isAtLeast = false }: Comparison): string {
  const sign = isAtLeast ? '≥' : '≤';
  const keeps = (bound: number | null): boolean =>
    bound !== null && (isAtLeast ? value.median >= bound : value.median <= bound);
  const bounds = [
    aim === null ? '' : `aim ${sign} ${aim.toLocaleString('en')}`,
    met === null ? '' : `met ${sign} ${met.toLocaleString('en')}`,
  ].filter(Boolean);
  if (bounds.length === 0) return '';
  const verdict = keeps(aim) ? 'AIM REACHED' : keeps(met) ? 'MET' : 'missed';
  return `   (${bounds.join(', ')}: ${verdict})`;
}

export function printResult(result: RowResult): void {
  console.log(`\n${result.row}: ${result.title} [${result.unit}]`);
  for (const measured of result.measured) {
    const { peer, samples, note } = measured;
    const values = summaryOf(valuesOf(measured));
    const others = medianOf(samples.map(({ othersPercent }) => othersPercent));
    const clients = samples.flatMap(({ clientPercent }) => clientPercent ?? []);
    const words = [
      `  ${peer.padEnd(NAME_WIDTH)} ${number(values.median).padStart(9)}  (${range(values)})`.padEnd(
        60,
      ),
      `others ${others.toFixed(0)} %`,
      clients.length === 0 ? '' : `client ${medianOf(clients).toFixed(0)} %`,
      note ?? '',
    ];
    console.log(words.filter(Boolean).join('  '));
  }
  for (const comparison of comparisonsOf(result)) {
    const { against, value } = comparison;
    const verdict = verdictOf(comparison);
    if (against === null) {
      if (verdict !== '') console.log(`  twin: ${number(value.median)} ${result.unit}${verdict}`);
    } else {
      const ratio = `${value.median.toFixed(2)} × (${value.min.toFixed(2)}-${value.max.toFixed(2)})`;
      console.log(`  twin / ${against}: ${ratio}${verdict}`);
    }
  }
}

/** As `--json` writes it: every sample, what they come to, and the ratios. */
export function recordOf(result: RowResult): object {
  const { row, title, unit, measured } = result;
  return {
    row,
    title,
    unit,
    servers: measured.map((one) => ({
      server: one.peer,
      ...summaryOf(valuesOf(one)),
      ...(one.note === undefined ? {} : { note: one.note }),
      samples: one.samples.map(({ value, othersPercent, clientPercent }) => ({
        value,
        others_percent: othersPercent,
        client_percent: clientPercent,
      })),
    })),
    comparisons: comparisonsOf(result).map(({ against, aim, met, isAtLeast = false, value }) => ({
      against,
      ...value,
      aim,
      met,
      is_at_least: isAtLeast,
    })),
  };
}
