/** What of the metrics the HTTP side feeds and shows; FrontendMetrics is one. */
import type { EngineMetrics } from '../llm/async-llm.ts';
import type { HttpExchange } from '../metrics/http-metrics.ts';

export interface HttpMetricsSource extends EngineMetrics {
  recordHttp(exchange: HttpExchange): void;
  render(options: {
    accept: string | undefined;
    names: readonly string[];
  }): Promise<{ contentType: string; body: string }>;
}
