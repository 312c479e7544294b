import { ENGINE_GAUGES } from '../../shared/faults/gauges.ts';
import { METRICS_WAVE as SPEC } from '../../shared/faults/specs/metrics-wave.ts';
import { frontendFault } from './frontend-fault.ts';
import { withShownValue } from './shown-value.ts';

type Shape = 'ramp' | 'sine' | 'square' | 'sawtooth';

/** 0 to 1 at so many periods since the beginning; all shapes begin at 0. */
const SHAPES: Readonly<Record<Shape, (periods: number) => number>> = {
  ramp: (periods) => Math.min(1, periods),
  sine: (periods) => (1 - Math.cos(2 * Math.PI * periods)) / 2,
  square: (periods) => (periods % 1 < 0.5 ? 0 : 1),
  sawtooth: (periods) => periods % 1,
};

export const METRICS_WAVE = frontendFault(SPEC, (values, { clock, ranks, begunMs }) => {
  const { shape, min, max, period } = values;
  const { isWhole } = ENGINE_GAUGES[values.metric];
  return {
    changeValues: (families) => {
      const nowMs = clock.wallMs();
      const periods = Math.max(0, nowMs - begunMs) / period;
      const value = Math.min(max, min + (max - min) * SHAPES[shape](periods));
      return withShownValue(families, {
        ...values,
        ranks,
        nowMs,
        value: isWhole ? Math.round(value) : value,
      });
    },
  };
});
