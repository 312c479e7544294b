/**
 * Scrapes as OpenMetrics text with timestamps, one behind the other as they come, so that a file of any length takes the same
 * memory: `promtool tsdb create-blocks-from openmetrics` makes a Prometheus's blocks of it. A strict reader of OpenMetrics
 * wants each family in one piece, which a day as it passes is not.
 */
import { OutputFile } from './output-file.ts';
import type { Scraped, ScrapedFamily, ScrapeSink } from './scraped.ts';

export class OpenMetricsFile implements ScrapeSink {
  readonly #file: OutputFile;
  readonly #told = new Set<string>();

  constructor(path: string) {
    this.#file = new OutputFile(path, '--openmetrics');
  }

  take({ atMs, samples, families }: Scraped): void {
    for (const family of families) this.#tell(family);
    const at = ` ${atMs / 1000}\n`;
    let text = '';
    for (const { series, value } of samples) text += `${series} ${value}${at}`;
    this.#file.write(text);
  }

  close(): void {
    this.#file.write('# EOF\n');
    this.#file.close();
  }

  abandon(): void {
    this.#file.abandon();
  }

  /** Of each family once. */
  #tell({ name, type, help }: ScrapedFamily): void {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    const family = type === 'counter' ? name.replace(/_total$/, '') : name;
    this.#file.write(`# TYPE ${family} ${type === 'untyped' ? 'unknown' : type}\n`);
    if (help !== '') this.#file.write(`# HELP ${family} ${help}\n`);
  }
}
