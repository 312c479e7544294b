/** What of the metrics the HTTP side feeds and shows; FrontendMetrics is one. */
import type { EngineMetrics } from '../llm/async-llm.ts';
import type { Exposition } from '../metrics/exposition.ts';
import type { ScrapeOptions } from '../metrics/frontend-metrics.ts';
import type { HttpExchange } from '../metrics/http-metrics.ts';
import type { NamedMetric } from '../metrics/named-metrics.ts';
import type { SleepOperation } from '../metrics/sleep-operation-metrics.ts';
import type { ToolParserInvocation } from '../metrics/tool-parser-metrics.ts';

export interface HttpMetricsSource extends EngineMetrics {
  recordHttp(exchange: HttpExchange): void;
  /** Counts a call of a development endpoint as long as it takes. */
  recordSleepOperation<T>(operation: SleepOperation, run: () => Promise<T>): Promise<T>;
  /** One look of a tool parser at an output. */
  recordToolParser(invocation: ToolParserInvocation): void;
  /** What a router is told of this server's load. */
  namedMetrics(): readonly NamedMetric[];
  render(options: ScrapeOptions): Promise<Exposition>;
}
