/** deploy/prometheus/rules.yml as a PrometheusRule, for the Prometheus operator. */
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

const NOTE = '# Generated from deploy/prometheus/rules.yml by `npm run docs`; do not edit.\n';

export function prometheusRule(): string {
  const rules = readFileSync(new URL('../deploy/prometheus/rules.yml', import.meta.url), 'utf8');
  const { groups } = parse(rules) as { readonly groups: unknown };
  const resource = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'vllm', labels: { 'app.kubernetes.io/name': 'vllm' } },
    spec: { groups },
  };
  return NOTE + stringify(resource, { lineWidth: 0 });
}
