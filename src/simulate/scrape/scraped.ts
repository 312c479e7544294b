/** What one scrape has come to in Prometheus, and who is told of it. Pure. */

/** The value as it was written. */
export interface ScrapedSample {
  /** With all labels, as Prometheus stores it. */
  readonly series: string;
  readonly name: string;
  readonly value: string;
}

export interface ScrapedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

export interface Scraped {
  /** Wall-clock milliseconds of the simulation. */
  readonly atMs: number;
  /** Empty but for Prometheus's own series where the target did not answer, or nonsense. */
  readonly samples: readonly ScrapedSample[];
  readonly families: readonly ScrapedFamily[];
}

export interface ScrapeSink {
  take(scraped: Scraped): void;
  /** Nothing comes any more; what it writes is written when it returns. */
  close(): void;
  /** The same of a run that broke: nothing of it is kept. */
  abandon(): void;
}
