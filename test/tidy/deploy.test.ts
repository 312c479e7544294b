/** The manifests of deploy/kubernetes and deploy/autoscaling: by the API's schemas, and with one another. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startProblem } from '../../src/scenario/scenario.ts';
import { readScenarioFile } from '../../src/scenario/scenario-file.ts';
import { readAlertRules, scenariosOf } from '../support/alert-scenarios.ts';
import {
  isWorkload,
  type Manifest,
  manifestProblems,
  readManifests,
  type Workload,
} from '../support/kubernetes.ts';
import { sourceFiles } from '../support/source-files.ts';

const KUSTOMIZATION = 'deploy/kubernetes/kustomization.yaml';
/** prometheus-adapter's own configuration, which is no resource. */
const ADAPTER = 'deploy/autoscaling/prometheus-adapter.yaml';

const read = (path: string): unknown =>
  parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const paths = (folder: string): readonly string[] =>
  sourceFiles(folder, '.yaml').map(({ path }) => path);

const manifests = [...paths('deploy/kubernetes'), ...paths('deploy/autoscaling')]
  .filter((path) => path !== KUSTOMIZATION && path !== ADAPTER)
  .flatMap((path) =>
    readManifests(path).map((manifest) => ({
      title: `${manifest.kind} ${manifest.metadata.name} of ${path}`,
      manifest,
    })),
  );
const workloads = manifests.map(({ manifest }) => manifest).filter(isWorkload);

function find(kind: string, name: string): Manifest {
  const found = manifests.find(
    ({ manifest }) => manifest.kind === kind && manifest.metadata.name === name,
  );
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found.manifest;
}

const frontend = find('Deployment', 'vllm-frontend') as Workload;
const engines = find('StatefulSet', 'vllm-engine') as Workload;
const containerOf = ({ spec }: Workload) => spec.template.spec.containers[0];
/** The value of a flag in a container's arguments. */
function flag(workload: Workload, name: string): string | undefined {
  const { args } = containerOf(workload);
  return args[args.indexOf(name) + 1];
}
const selects = (selector: object, { spec }: Workload): boolean =>
  Object.entries(selector).every(([key, value]) => spec.template.metadata.labels[key] === value);

describe('the manifests', () => {
  it.each(manifests)('$title is what the API knows, to the last field', ({ manifest }) => {
    expect(manifestProblems(manifest)).toEqual([]);
  });

  it('are checked by something that notices a wrong type, a missing and an unknown field', () => {
    const problems = (spec: object): readonly string[] =>
      manifestProblems({ ...frontend, spec: { ...frontend.spec, ...spec } });
    const { template } = frontend.spec;
    const pod = { ...template, spec: { ...template.spec, hostNetwrk: true } };
    expect(problems({ replicas: '1' })).toEqual(['data/spec/replicas must be integer']);
    expect(problems({ selector: undefined })[0]).toMatch(/required property selector/);
    expect(problems({ template: pod })).toEqual(['unknown field /spec/template/spec/hostNetwrk']);
  });

  it('are all in the kustomization of deploy/kubernetes', () => {
    const { resources } = read(KUSTOMIZATION) as { resources: string[] };
    const files = paths('deploy/kubernetes').filter((path) => path !== KUSTOMIZATION);
    expect(resources.map((name) => `deploy/kubernetes/${name}`).toSorted()).toEqual(files);
  });

  it('run without root, write nothing but /tmp, and have no token of the API', () => {
    expect(workloads).toHaveLength(3);
    for (const workload of workloads)
      expect(workload.spec.template.spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true },
        containers: [
          {
            securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
            volumeMounts: [{ mountPath: '/tmp' }],
          },
        ],
      });
  });

  it('select the pods that they are about', () => {
    for (const workload of workloads)
      expect(selects(workload.spec.selector.matchLabels, workload)).toBe(true);
    for (const [name, workload] of [
      ['vllm', frontend],
      ['vllm-frontend', frontend],
      ['vllm-engine', engines],
    ] as const) {
      const { selector } = find('Service', name).spec as { selector: object };
      expect(workloads.filter((each) => selects(selector, each) && each === workload)).toEqual([
        workload,
      ]);
      expect(selects(selector, workload === engines ? frontend : engines)).toBe(false);
    }
  });

  it('ask /health of what has a port, and nothing of what has none', () => {
    for (const workload of workloads) {
      const container = containerOf(workload);
      const isServer = container.ports?.some(({ name }) => name === 'http') ?? false;
      expect(isServer).toBe(!container.args.includes('--headless'));
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
        expect(container, `${probe} of ${container.name}`).toEqual(
          isServer
            ? expect.objectContaining({
                [probe]: expect.objectContaining({ httpGet: { path: '/health', port: 'http' } }),
              })
            : expect.not.objectContaining({ [probe]: expect.anything() }),
        );
    }
  });
});

describe('the ranks of deploy/kubernetes', () => {
  it('are as many pods as the data-parallel size that both sides are started with', () => {
    expect(flag(frontend, '--data-parallel-size')).toBe(`${engines.spec.replicas}`);
    expect(flag(engines, '--data-parallel-size')).toBe(`${engines.spec.replicas}`);
    expect(flag(engines, '--data-parallel-size-local')).toBe('1');
  });

  it('are the ordinals of the pods', () => {
    expect(flag(engines, '--data-parallel-start-rank')).toBe('$(RANK)');
    expect(containerOf(engines).env).toContainEqual({
      name: 'RANK',
      valueFrom: {
        fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" },
      },
    });
  });

  it('find the frontend before it is ready, at whatever port it chooses', () => {
    const name = flag(engines, '--data-parallel-address') ?? '';
    expect(find('Service', name).spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
    });
    expect(flag(frontend, '--data-parallel-address')).toBe('$(POD_IP)');
    expect(flag(engines, '--data-parallel-rpc-port')).toBe(
      flag(frontend, '--data-parallel-rpc-port'),
    );
  });

  it('are scraped at their frontend, pod by pod', () => {
    const monitor = find('PodMonitor', 'vllm').spec as unknown as {
      readonly selector: { readonly matchLabels: object };
      readonly podMetricsEndpoints: readonly [{ readonly port: string }];
    };
    const scraped = workloads.filter((each) => selects(monitor.selector.matchLabels, each));
    expect(scraped.map(({ metadata }) => metadata.name)).toEqual(['vllm-frontend', 'vllm-server']);
    for (const workload of scraped)
      expect(containerOf(workload).ports?.map(({ name }) => name)).toContain(
        monitor.podMetricsEndpoints[0].port,
      );
  });
});

/** Source: sigs.k8s.io/prometheus-adapter pkg/config/config.go, as far as rules of custom metrics go. */
const ADAPTER_SCHEMA = v.strictObject({
  rules: v.array(
    v.strictObject({
      seriesQuery: v.pipe(v.string(), v.minLength(1)),
      seriesFilters: v.optional(
        v.array(v.strictObject({ is: v.optional(v.string()), isNot: v.optional(v.string()) })),
      ),
      resources: v.strictObject({
        template: v.optional(v.string()),
        overrides: v.optional(
          v.record(
            v.string(),
            v.strictObject({ group: v.optional(v.string()), resource: v.string() }),
          ),
        ),
      }),
      name: v.strictObject({ matches: v.optional(v.string()), as: v.string() }),
      metricsQuery: v.pipe(
        v.string(),
        v.includes('<<.GroupBy>>'),
        v.includes('<<.LabelMatchers>>'),
      ),
    }),
  ),
});

describe('autoscaling', () => {
  const scaler = find('HorizontalPodAutoscaler', 'vllm-server').spec as unknown as {
    readonly metrics: readonly { readonly pods: { readonly metric: { readonly name: string } } }[];
  };

  it('scales whole servers, which no rank is', () => {
    for (const kind of ['ScaledObject', 'HorizontalPodAutoscaler'])
      expect(find(kind, 'vllm-server').spec['scaleTargetRef']).toMatchObject({
        name: 'vllm-server',
      });
    expect(containerOf(find('Deployment', 'vllm-server') as Workload).args).not.toContain(
      '--headless',
    );
  });

  it('asks by the autoscaler for the metrics that the adapter names', () => {
    const { rules } = v.parse(ADAPTER_SCHEMA, read(ADAPTER));
    expect(scaler.metrics.map(({ pods }) => pods.metric.name)).toEqual(
      rules.map(({ name }) => name.as),
    );
    // A name with a colon cannot be asked for by path.
    for (const { name } of rules) expect(name.as).toMatch(/^[a-z][a-z0-9_]*$/);
  });
});

describe('the alerts', () => {
  const alerts = readAlertRules();

  it('have a row each in deploy/README.md', () => {
    const page = readFileSync(new URL('../../deploy/README.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(Vllm\w+)` \|/gm)].map(([, alert]) => alert);
    expect(rows.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });

  it('have two scenarios each: one that makes it fire, one that must not', () => {
    const expected = alerts.flatMap((rule) => Object.values(scenariosOf(rule)));
    expect(paths('deploy/prometheus/scenarios')).toEqual(expected.toSorted());
  });
});

describe('the scenarios of deploy', () => {
  it.each([...paths('deploy/prometheus/scenarios'), 'deploy/compose/faults.yaml'])(
    '%s can be read, and is named as its file',
    (path) => {
      const { name } = readScenarioFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
      const file = path.replace(/^.*\/(.+)\.yaml$/, '$1').replace('.', '-');
      expect(name).toBe(path.includes('compose') ? `compose-${file}` : file);
    },
  );

  it('need nothing of the server where a server that runs is to play it', () => {
    const path = new URL('../../deploy/compose/faults.yaml', import.meta.url);
    expect(startProblem(readScenarioFile(fileURLToPath(path)))).toBeNull();
  });
});
