/** One sample over the scrapes of this page. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

interface SampleChartProps {
  readonly name: string;
  /** Unix epoch seconds. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

const HEIGHT = 140;

export function SampleChart({ name, times, values }: SampleChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // Asked for with each drawing: the theme may change meanwhile.
    const line = (): string => colourOf(element, '--accent');
    const grid = { stroke: () => colourOf(element, '--line'), width: 1 };
    const axis = { stroke: () => colourOf(element, '--muted'), grid, ticks: grid };
    chart.current = new uPlot(
      {
        width: element.clientWidth || 400,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false },
        series: [{}, { label: name, stroke: line, width: 1.5 }],
        axes: [axis, { ...axis, size: 60 }],
      },
      [[], []],
      element,
    );
    const observer = new ResizeObserver(() =>
      chart.current?.setSize({ width: element.clientWidth || 400, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.current?.destroy();
    };
  }, [name]);
  useEffect(() => {
    chart.current?.setData([[...times], values.map((v) => (Number.isFinite(v) ? v : null))]);
  }, [times, values]);
  return <div class="sample-chart" ref={place} role="img" aria-label={`${name} over time`} />;
}

/** A canvas knows no variables and no light-dark(): the colour as the browser has worked it out. */
function colourOf(element: HTMLElement, variable: string): string {
  const probe = element.appendChild(document.createElement('i'));
  probe.style.color = `var(${variable})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
