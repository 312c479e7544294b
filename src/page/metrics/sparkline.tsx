import { sparkline } from './history.ts';

const WIDTH = 90;
const HEIGHT = 18;

/** How a sample went; decoration, its value stands beside it. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={sparkline(values, WIDTH, HEIGHT)} fill="none" />
    </svg>
  );
}
