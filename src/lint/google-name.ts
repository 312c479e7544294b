/** How Google's managed Prometheus names a metric: with its type, a histogram without a suffix. */
const GOOGLES = /^prometheus\.googleapis\.com[|/]([\w:]+)[|/]\w+/;

/** Prometheus' name within Google's; null: it is no name of that form. */
export const nameOfGoogles = (name: string): string | null => GOOGLES.exec(name)?.[1] ?? null;
